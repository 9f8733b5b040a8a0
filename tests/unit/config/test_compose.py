"""Texts become the same nodes whichever loader reads them, within limits, and JSON becomes what it says."""

import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.config import compose
from tidegate.config.compose import LOADERS, NotComposed, compose_yaml, read_json
from tidegate.config.source import read_source

printable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\u2028\u2029\x85"))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False), printable
)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(printable, inner)), max_leaves=20
)


def spelled(node):
    """Everything that is read of a node."""
    match node:
        case yaml.MappingNode():
            inside = [(spelled(key), spelled(value)) for key, value in node.value]
        case yaml.SequenceNode():
            inside = [spelled(item) for item in node.value]
        case _:
            inside = node and node.value
    return node and (node.tag, node.start_mark.line, inside)


@given(value=values, style=st.sampled_from([None, True, False]), width=st.sampled_from([20, 1000]))
@example("{a: &x [1, *x]}", None, 20)
def test_both_loaders_compose_the_same_nodes(value, style, width):
    text = yaml.safe_dump(value, default_flow_style=style, allow_unicode=True, width=width)
    fast, plain = (spelled(compose_yaml(text, loader)) for loader in LOADERS)
    assert fast == plain


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n  x\n\n  y\nb:\n- c\n-  d: e\n",
        "? a\n: b\n",
        "a: &x {b: 1}\nc: {<<: *x, d: 2}\n",
        "a:\r\n  b: 1\r\n  c: 'x\r\n    y'\n",
        "%YAML 1.1\n---\na: ~\nb: NULL\nc: on\nd: 010\ne: 1_000\nf: 1:30\ng: .5e-3\nh: 2024-01-01\n...\n",
        "a: !!str 5\nb: !x 5\nc: !!int 010\n",
        "# only a comment\n",
        "",
    ],
)
def test_what_people_write_is_the_same_to_both_loaders(text):
    fast, plain = (spelled(compose_yaml(text, loader)) for loader in LOADERS)
    assert fast == plain


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "text, line, reason",
    [
        ("a: 1\nb: [1,\n", 2, "is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "is not YAML"),
        ("é: 1\nb: é\x01\n", 2, "is not YAML: the character 0x01 is not allowed"),
        ("[" * 100_000, None, "is nested too deeply"),
        ("- " * 100_000, None, "is nested too deeply"),
        ("a: *nobody\n", 1, "undefined alias"),
    ],
    ids=["open list", "two documents", "control character", "brackets", "dashes", "alias of nothing"],
)
def test_what_is_no_yaml_is_refused_alike(loader, text, line, reason):
    with pytest.raises(NotComposed) as refused:
        compose_yaml(text, loader)
    assert refused.value.line == line
    assert reason in refused.value.reason


@pytest.mark.parametrize("loader", LOADERS)
def test_a_text_of_too_many_values_is_refused_on_the_way(loader, monkeypatch):
    monkeypatch.setattr(compose, "MAX_NODES", 10)
    assert compose_yaml(json.dumps(list(range(9))), loader) is not None
    with pytest.raises(NotComposed, match="more than 10 values"):
        compose_yaml(json.dumps(list(range(10))), loader)


@given(value=values, indent=st.sampled_from([None, 1, "\t"]), is_escaped=st.booleans())
def test_json_says_what_it_says(value, indent, is_escaped):
    text = json.dumps(value, indent=indent, ensure_ascii=is_escaped)
    source = read_source(text, is_json=True)
    assert not source.is_broken
    if not source.violations:
        assert source.value == read_json(text) == value


def test_json_lines_are_those_of_its_values():
    text = '{\n"a": [1,\n{"b":\n\n2}],\r\n\t"c":{}}'
    assert read_source(text, is_json=True).lines == {"": 1, "a": 2, "a[0]": 2, "a[1]": 3, "a[1].b": 3, "c": 6}


@pytest.mark.parametrize(
    "text, value",
    [
        (r'"\ud834\udd1e"', "𝄞"),
        (r'"\ud834"', "\ufffd"),
        ('"a\u2028b\x85c\x7f"', "a\u2028b\x85c\x7f"),
        ('{"' + "k" * 2000 + '": 1}', {"k" * 2000: 1}),
        ("\t1", 1),
    ],
    ids=["pair of surrogates", "lone surrogate", "line separators", "long key", "tab"],
)
def test_json_is_not_read_as_yaml(text, value):
    source = read_source(text, is_json=True)
    assert (source.value, source.violations) == (value, ())


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 1}', "18446744073709551616", "9" * 5000, "NaN", "[1,]", "", '{"a": {"b": [], "b": 1}}'],
    ids=["twice", "beyond 64 bits", "thousands of digits", "no number", "comma", "nothing", "twice within"],
)
def test_a_json_text_with_something_to_refuse_is_not_read_quickly(text):
    with pytest.raises(ValueError):
        read_json(text)
    assert read_source(text, is_json=True).violations


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "[" + "1," * 4_000_000 + "1]"], ids=["deep", "long"])
def test_json_of_no_sensible_shape_is_refused(text):
    assert read_source(text, is_json=True).is_broken
