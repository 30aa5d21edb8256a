"""What all vendors' operations share: the parameters are checked before anything is sent, and no answer shows a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

import orjson

from connectors.errors import QueryError
from connectors.spelling import canonical_boolean
from connectors.types import JSON, Operation, Parameter
from connectors.values import is_secret_field
from connectors.wording import joined, said
from connectors.wording import text as _

DOT = "•"  # stands where a secret was


def checked(operation: Operation, params: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the parameters given, each of its type: integer -> int, boolean -> bool, json -> dict, list -> list, else text.

    A person's text is read: JSON for an object, JSON or one entry a line for a list. Empty ones count as not given.
    Raises QueryError with all that is wrong, naming the parameters there are, never a value.
    """
    given = {name: value for name, value in params.items() if value not in (None, "")}
    known = {parameter.name: parameter for parameter in operation.parameters}
    wrong: dict[str, str] = dict.fromkeys(sorted(given.keys() - known), _("is not one of its parameters"))
    wrong |= {p.name: _("is needed") for p in operation.parameters if p.required and p.name not in given}
    for name in [name for name in given if name in known]:
        try:
            given[name] = _typed(known[name], given[name])
        except (TypeError, ValueError) as e:
            wrong[name] = said(e)
    if wrong:
        raise _refused(operation, wrong)
    return given


def without_secrets(value: JSON, hidden: Set[str] = frozenset()) -> JSON:
    """Return an answer of any shape without passwords and keys, and without the vendor's own `hidden` names."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in hidden and not is_secret_field(str(k))}
        return {name: without_secrets(held, hidden) for name, held in kept.items()}
    return [without_secrets(item, hidden) for item in value] if isinstance(value, list) else value


def redacted(operation: Operation, params: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the parameters for keeping: "•" for each secret one and for every password-like name inside the others."""
    secret = {parameter.name for parameter in operation.parameters if parameter.type == "secret"}
    return {name: DOT if name in secret else _dotted(name, value) for name, value in params.items()}


def _dotted(name: str, value: JSON) -> JSON:
    if is_secret_field(name):
        return DOT
    if isinstance(value, dict):
        return {str(inner): _dotted(str(inner), held) for inner, held in value.items()}
    return [_dotted("", item) for item in value] if isinstance(value, list) else value


def _typed(parameter: Parameter, value: JSON) -> JSON:
    read = _READ.get(parameter.type, str)(value)
    if parameter.choices and read not in {choice.value for choice in parameter.choices}:
        names = joined(_(", "), (choice.value for choice in parameter.choices))
        raise ValueError(_("must be one of: %(names)s", names=names))
    return read


def _integer(value: JSON) -> int:
    text = str(value).strip()
    if not text.removeprefix("-").isdecimal():
        raise ValueError(_("must be a whole number"))
    return int(text)


def _boolean(value: JSON) -> bool:
    try:
        return canonical_boolean(value)
    except ValueError as e:
        raise ValueError(_("must be yes or no")) from e


def _object(value: JSON) -> dict[str, JSON]:
    read = _parsed(value)
    if not isinstance(read, dict):
        raise ValueError(_("must be a JSON object"))
    return read


def _list(value: JSON) -> list[JSON]:
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [line.strip() for line in value.splitlines() if line.strip()]
    read = _parsed(value)
    if not isinstance(read, list):
        raise ValueError(_("must be a list"))
    return read


def _parsed(value: JSON) -> JSON:
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError as e:
        raise ValueError(_("is not JSON")) from e


_READ: Mapping[str, Callable[[JSON], JSON]] = {
    "integer": _integer, "boolean": _boolean, "json": _object, "list": _list,
}  # fmt: skip


def _refused(operation: Operation, wrong: Mapping[str, str]) -> QueryError:
    told = joined(_("; "), (_("“%(field)s” %(problem)s", field=name, problem=why) for name, why in wrong.items()))
    names = joined(_(", "), [parameter.name for parameter in operation.parameters]) or _("nothing")
    return QueryError(
        _(
            "The operation “%(operation)s” was not sent: %(problems)s. It takes: %(names)s.",
            operation=operation.name,
            problems=told,
            names=names,
        )
    )
