"""A decision made again from what was saved of it: nothing is run, nothing of this machine is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolwise.decide.choose import decide_by
from poolwise.errors import InputError
from poolwise.model.classes import frozen
from poolwise.model.facts import Facts
from poolwise.model.plain import as_dict, check_form, from_plain
from poolwise.model.report import Diagnosis


@frozen
class Replay:
    """A saved decision, and the one that the same facts lead to now."""

    diagnosis: Diagnosis
    """What was saved, with the Plan of now."""
    differs: tuple[str, ...]
    """The fields of the Plan that are not as they were saved; none: it is the same decision, figure for figure."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {"same": not self.differs, "differs": [*self.differs], "diagnosis": as_dict(self.diagnosis)}


def replay(saved: object) -> Replay:
    """Decide again by the facts that ``Diagnosis.to_dict`` or ``Report.to_dict`` holds; raises InputError."""
    told = check_form(saved, "Diagnosis", "Report")
    if told.get("facts") is None:
        raise InputError(
            f"this {told['value']} holds no decision: all items were done before there was anything to decide"
        )
    facts = from_plain(Facts, told["facts"])
    plan = decide_by(facts)
    now, before = as_dict(plan), told.get("plan")
    before = before if isinstance(before, Mapping) else {}
    sampled, sample_s = ("sampled", "sample_s") if told["value"] == "Diagnosis" else ("probe_items", "probe_s")
    diagnosis = Diagnosis(
        plan=plan,
        profile=facts.profile,
        machine=facts.machine,
        sampled=_number(told, sampled, int),
        sample_s=_number(told, sample_s, float),
        total=_number(told, "total", int) if told.get("total") is not None else None,
        facts=facts,
    )
    return Replay(diagnosis, tuple(name for name in now if now[name] != before.get(name)))


def _number(told: Mapping[str, Any], name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - a number of this kind
    return from_plain(kind, told.get(name), name)
