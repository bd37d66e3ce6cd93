"""A Basware P2P that runs on loopback: strict, inspectable, and able to push."""

from mlc_sandbox.basware.app import create_app
from mlc_sandbox.basware.pushes import PushOrder
from mlc_sandbox.basware.settings import Settings
from mlc_sandbox.basware.webhook import SIGNATURE_HEADER, Variant, notification, push, sign
from mlc_sandbox.basware.world import Attachment, BaswareWorld, Document

__all__ = [
    "SIGNATURE_HEADER",
    "Attachment",
    "BaswareWorld",
    "Document",
    "PushOrder",
    "Settings",
    "Variant",
    "create_app",
    "notification",
    "push",
    "sign",
]
