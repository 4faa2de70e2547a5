"""Reads config.yaml: one section a step; `key=value` on the command line overrides a key of the section."""

from typing import Any

import yaml

from . import paths

FILE = paths.PACKAGE / 'config.yaml'


def section(name: str, overrides: list[str] | tuple[str, ...] = ()) -> dict[str, Any]:
    document = yaml.safe_load(FILE.read_text())
    values = dict(document.get(name) or {})
    for override in overrides:
        key, separator, text = override.partition('=')
        if not separator or key not in values:
            raise SystemExit(f'{name}: no such setting: {override} (there are: {", ".join(values) or "none"})')
        values[key] = yaml.safe_load(text)
    return values
