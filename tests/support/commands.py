"""Commands that ask a registry, as they are typed: in this process, or as a process of their own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner, Result

from support.admin import PATIENCE_S, Admin
from tidegate.cli.application import build


@dataclass(frozen=True, slots=True)
class Typist:
    """Somebody at a terminal of 120 columns whose registry is named by the environment."""

    admin: Admin
    folder: Path

    @classmethod
    def at(cls, admin: Admin, folder: Path) -> "Typist":
        folder.mkdir(exist_ok=True)
        for name, token in admin.tokens.items():
            (folder / f"{name}.token").write_text(f"{token}\n")
        return cls(admin, folder)

    def environment(self, name: str = "ann") -> dict[str, str]:
        return {
            "TIDEGATE_ADMIN": self.admin.target,
            "TIDEGATE_TOKEN_FILE": str(self.folder / f"{name}.token"),
            "COLUMNS": "120",
            "TERM": "dumb",
        }

    def types(self, *words: object, by: str = "ann", text: str | None = None) -> Result:
        """Runs a command; an error that nobody expected is raised here."""
        typed = [str(word) for word in words]
        result = CliRunner().invoke(build(typed[0]), typed, input=text, env=self.environment(by))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def reads(self, *words: object, by: str = "ann", codes: Sequence[int] = (0,)) -> Any:
        """The JSON that a command says."""
        result = self.types(*words, "--output", "json", by=by)
        assert result.exit_code in codes, result.output
        return json.loads(result.stdout)

    def runs(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Runs a command as a process of its own."""
        command = [sys.executable, "-c", "from tidegate.cli import main; main()", *map(str, words)]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def writes(self, name: str, content: Any) -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path
