"""The two marks of pluggy, under the project's name."""

import pluggy

__all__ = ["PROJECT", "hookimpl", "hookspec"]

#: The pluggy project name; the entry-point group of hook modules has it too.
PROJECT = "kerasplug"

#: Marks a function of a plugin as the implementation of a kerasplug hook.
hookimpl = pluggy.HookimplMarker(PROJECT)

#: Marks a function of the host as the specification of a hook.
hookspec = pluggy.HookspecMarker(PROJECT)
