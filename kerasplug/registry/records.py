"""From what the index says of a contribution to its record, and back.

The declared way needs no hook: an entry point says name and target, and its
distribution's own metadata say the rest.
"""

import json

from kerasplug.hooks import RECORD_TYPES, Needs, Record, hookimpl
from kerasplug.registry.needs import needs_of_provider
from kerasplug.registry.parts import Claim, Line

__all__ = ["Declared", "build", "line_of"]


def line_of(record: Record) -> Line:
    """What the index keeps of a record: the cheap parts, and all of it as JSON."""
    return (
        record.kind,
        record.name,
        record.target,
        record.registered_name,
        record.aliases,
        json.dumps(record.to_plain(), separators=(",", ":"), sort_keys=True),
        record.summary,
    )


def build(claim: Claim) -> Record:
    """The record of a claim; its name and target follow a record's rules already."""
    record_type = RECORD_TYPES[claim.kind]
    if claim.payload:
        return record_type.from_plain(json.loads(claim.payload))
    return record_type(
        name=claim.name,
        target=claim.target,
        summary=claim.provider.summary,
        needs=Needs.from_plain(needs_of_provider(claim.provider)),
    )


class Declared:
    """The host's own plugin: it serves what distributions only declare.

    So the declared way and the hooked way end in the same place: the answers of
    pluggy's hooks.
    """

    def _records(self, kind: str) -> list[Record]:
        from kerasplug.registry.overview import table

        found = table().of_kind(kind).values()
        return [
            claim.record() for claims in found for claim in claims if claim.is_declared
        ]

    @hookimpl
    def kerasplug_layers(self) -> list[Record]:
        """Records of the entry points in the group `kerasplug.layers`."""
        return self._records("layer")

    @hookimpl
    def kerasplug_backends(self) -> list[Record]:
        """Records of the entry points in the group `kerasplug.backends`."""
        return self._records("backend")

    @hookimpl
    def kerasplug_applications(self) -> list[Record]:
        """Records of the entry points in the group `kerasplug.applications`."""
        return self._records("application")

    @hookimpl
    def kerasplug_datasets(self) -> list[Record]:
        """Records of the entry points in the group `kerasplug.datasets`."""
        return self._records("dataset")

    @hookimpl
    def kerasplug_callbacks(self) -> list[Record]:
        """Records of the entry points in the group `kerasplug.callbacks`."""
        return self._records("callback")

    @hookimpl
    def kerasplug_objects(self) -> list[Record]:
        """Records of the entry points in the group `kerasplug.objects`."""
        return self._records("object")
