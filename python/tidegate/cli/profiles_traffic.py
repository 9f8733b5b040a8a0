"""A profile of what a gateway has counted, with what a person says of its features."""

import json
import re
import urllib.parse
from difflib import get_close_matches

from tidegate.cli.gateways import url_of
from tidegate.cli.output import BAD_INPUT, FAILED, BadInput, fail, printable
from tidegate.core.profiles import Profile, parse_profile
from tidegate.drift.assembly import Choices
from tidegate.errors import GatewayError, NotServed, UnexpectedAnswer
from tidegate.gateway.http import read_json

DAYS = 7
"""A week: weekdays and weekends are both in it."""


def profile_of_traffic(
    route: str, *, last: str | None, version: str | None, http: str, choices: Choices
) -> tuple[Profile, list[str]]:
    """The profile of the last days of a route, and what of its traffic is not in it; ends the command where there is none.

    Raises:
        BadInput: The days are none, or a choice names no feature.
        DocumentRefused: What the gateway answers is no profile.
    """
    wishes = {"days": _days(last), "bins": choices.bins, **({} if version is None else {"version": version})}
    path = f"/drift/{urllib.parse.quote(route, safe='')}/profile?{urllib.parse.urlencode(wishes)}"
    try:
        base = url_of(http)
        answer = read_json(base, path)
        try:
            document, left_out = answer["profile"], [str(note) for note in answer["left_out"]]
        except (KeyError, TypeError):
            raise UnexpectedAnswer(base, "it sends no profile") from None
    except NotServed as refused:
        fail([printable(str(refused))], BAD_INPUT)
    except GatewayError as error:
        fail([printable(str(error))], FAILED)
    names = {feature["name"] for tensor in document["tensors"] for feature in tensor["features"]}
    for name in {*choices.exclude, *choices.weights} - names:
        near = get_close_matches(name, names, n=2) or sorted(names)[:5]
        raise BadInput(f"There is no feature {name!r} in the traffic of {route}; there are {', '.join(near)}.")
    for tensor in document["tensors"]:
        tensor["features"] = [
            {**feature, "weight": choices.weights.get(feature["name"], feature["weight"])}
            for feature in tensor["features"]
            if feature["name"] not in choices.exclude
        ]
    document["tensors"] = [tensor for tensor in document["tensors"] if tensor["features"]]
    if not document["tensors"]:
        raise BadInput("Every feature of the traffic is excluded: nothing is left for a profile.")
    return parse_profile(json.dumps(document, allow_nan=False, ensure_ascii=False)), left_out


def _days(last: str | None) -> int:
    if last is None:
        return DAYS
    if (found := re.fullmatch(r"([1-9][0-9]{0,2})d", last)) is None:
        raise BadInput(f"--last takes days, such as 7d, not {last!r}.")
    return int(found.group(1))
