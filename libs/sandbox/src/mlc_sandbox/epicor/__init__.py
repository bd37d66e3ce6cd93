"""The Epicor Kinetic emulator: `create_app` serves an `EpicorWorld`."""

from mlc_sandbox.epicor.app import create_app
from mlc_sandbox.epicor.settings import Settings
from mlc_sandbox.epicor.world import EPICOR_KINDS, EpicorWorld, Invoice

__all__ = ["EPICOR_KINDS", "EpicorWorld", "Invoice", "Settings", "create_app"]
