"""Recipe files: YAML and dotted overrides in, a validated StudySpec out."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from wellfit.errors import RecipeError, nearest
from wellfit.recipe import FACTOR_FIELDS, Recipe, StudySpec, validate
from wellfit.recipe.cleaning import with_cleaning_arms
from wellfit.recipe_errors import one_line

BY_NAME = {"data": "source", "optimizer": "kind", "schedule": "kind", "init": "kind", "loss": "kind", "measure": "kind"}
"""Parts of a recipe that may be a name -> the key that the name stands for."""


def set_path(values: dict[str, Any], override: str) -> None:
    """Apply one dotted override, ``"model.hidden=[256,256]"``, in place; the value is read as YAML."""
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError("--set", f"received {override!r}", "KEY.KEY=VALUE")
    try:
        value = parse_yaml(text)
    except yaml.YAMLError:
        raise RecipeError(
            f"--set {path}", f"the value {text!r} is not YAML", "a value such as 0.1 or [256,256]"
        ) from None
    here = values
    for key in keys[:-1]:
        if isinstance(here.get(key), str) and key in BY_NAME:
            here[key] = {BY_NAME[key]: here[key]}
        if here.get(key) is None:
            here[key] = {}
        here = here[key]
        if not isinstance(here, dict):
            raise RecipeError(f"--set {path}", f"'{key}' is a value, not a mapping", "a path to a key")
    here[keys[-1]] = value


MOST_BYTES = 2**20
"""Bytes of a recipe file: more is no recipe, and would take minutes to read."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's floats (``1e-4`` is a number), no dates, and an error for a key that stands twice."""


def _unique_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":  # ``<<``: what it brings in may be overridden
            continue
        key = loader.construct_object(key_node)
        if not isinstance(key, str | int | float | None):
            raise yaml.constructor.ConstructorError(None, None, "a key is not a name", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' stands twice", key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return dict(loader.construct_pairs(node, deep=True))


_TRUTH = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_FLOAT = re.compile(r"^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)$")


def read_as_yaml_1_2(handler: type[yaml.SafeLoader | yaml.SafeDumper]) -> None:
    """Let a loader or dumper take ``1e-4`` for a number, ``2024-01-31`` for a text (a recipe has no dates), and of the
    words for truth values only true and false: ``on`` is a name.

    A dumper must know all three too, else it would write the text ``"1e-4"`` without quotes.
    """
    handler.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
        for first, resolvers in handler.yaml_implicit_resolvers.items()
    }
    handler.add_implicit_resolver("tag:yaml.org,2002:bool", _TRUTH, list("tTfF"))
    handler.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


read_as_yaml_1_2(_Loader)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def parse_yaml(text: str) -> Any:
    """Return the plain values of a YAML text (safe loader; ``1e-4`` is a number; a repeated key is an error).

    Raises
    ------
    yaml.YAMLError
        Whatever is wrong with the text.

    """
    try:
        values = yaml.load(text, Loader=_Loader)
        json.dumps(values)  # refuses what has no plain form: a set, bytes, a mapping that holds itself
        return values
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
    except (ValueError, TypeError, AttributeError) as error:  # what PyYAML's constructors let through: ``!!int abc``
        raise yaml.YAMLError(f"a value is not plain ({error})") from None


def read_file(path: Path, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the mapping in a recipe file of at most so many bytes."""
    try:
        size = path.stat().st_size
        if size > most:
            raise RecipeError(str(path), f"has {size:,} bytes", f"a recipe in YAML, at most {most:,} bytes")
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(str(path), "no such file", "a recipe in YAML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(str(path), f"cannot be read ({type(error).__name__})", "a recipe in YAML") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or (str(error) if type(error) is yaml.YAMLError else "not YAML")
        raise RecipeError(f"{path}{place}", problem, "a recipe in YAML") from None
    if not isinstance(values, dict):
        what = "is empty" if values is None else f"holds a {type(values).__name__}"
        raise RecipeError(str(path), what, "a mapping with the key 'data'")
    return values


def parse_study(values: Mapping[str, Any], *, overrides: Sequence[str] = (), name: str = "study") -> StudySpec:
    """Return the StudySpec of a recipe's plain values.

    Without ``study:`` it is one arm and one seed. ``overrides`` are dotted, ``"study.seeds=5"``.
    """
    plain = copy.deepcopy(dict(values))
    for override in overrides:
        set_path(plain, override)
    study = plain.pop("study", None) or {}
    if not isinstance(study, Mapping):
        raise RecipeError("study", f"received {study!r}", "a mapping")
    plain, study = with_cleaning_arms(plain, study)
    name = plain.pop("name", name)
    unknown = [key for key in plain if key not in FACTOR_FIELDS]
    if unknown:
        raise RecipeError(str(unknown[0]), "unknown key", nearest(str(unknown[0]), {*FACTOR_FIELDS, "name", "study"}))
    recipe = validate(Recipe, plain)
    reserved = {"recipe", "name"} & set(study)
    known = {*StudySpec.model_fields, "cleaning"} - {"recipe", "name"}
    for key in [*reserved, *(key for key in study if key not in known)]:
        raise RecipeError(f"study.{key}", "unknown key", nearest(str(key), known))
    for group in ("factors", "arms"):
        if isinstance(study.get(group), Mapping):
            study = {**study, group: {key: {} if value is None else value for key, value in study[group].items()}}
    return _study(name, recipe, study)


def _study(name: str, recipe: Recipe, study: Mapping[str, Any]) -> StudySpec:
    try:
        return StudySpec.model_validate({"name": name, "recipe": recipe, **study})
    except ValidationError as error:
        where = "" if error.errors()[0]["loc"][:1] == ("name",) else "study"
        raise one_line(StudySpec, error, where=where) from None


def _name_of(path: Path) -> str:
    """Return a study's name made from its file's: what a folder's name cannot hold becomes ``-``."""
    return re.sub(r"[^A-Za-z0-9._ -]+", "-", path.stem)[:100].strip("._ -") or "study"


def study_name(source: str) -> str:
    """Return what a study is called that is given as data: the last part of the source's path, without what a folder's
    name cannot hold.

    >>> study_name("tables/house prices.csv")
    'house prices'
    """
    path = Path(source).resolve()
    last = path.name if path.is_dir() else path.stem
    return re.sub(r"[^A-Za-z0-9._ -]+", "-", last)[:100].strip("._ -") or "train"


def read_study(path: Path, *, overrides: Sequence[str] = ()) -> StudySpec:
    """Return the StudySpec in a recipe file; its name is the file's, unless the file names it."""
    return parse_study(read_file(path), overrides=overrides, name=_name_of(path))
