"""How master data is read beside the entity sets: GetRows of every service, and a BAQ for every table."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib import resources

from mlc_sandbox.epicor.entity_sets import SETS, EntitySet
from mlc_sandbox.epicor.odata_filter import taken_literals
from mlc_sandbox.epicor.query import Shape, key_columns, read
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.tables import columns
from mlc_sandbox.epicor.where_clause import NOTHING, matching
from mlc_sandbox.epicor.wire import KineticError, Row, sortable
from mlc_sandbox.epicor.world import EpicorWorld

BAQ = "ML"
"""`BaqSvc/ML<Table>/Data` reads a table; `Since` is its parameter for a lowest ChangeDate."""

SINCE = "Since"

_HEADS = {"RcvHead": ("RcvDtl", ("VendorNum", "PurPoint", "PackSlip")), "COA": ("COASegment", ("COACode",))}
"""Tables that the sandbox holds only as far as the rows below them name them."""

_TABLES: Mapping[str, str] = json.loads(
    resources.files(__package__).joinpath("tablesets.json").read_text(encoding="utf-8")
)
_OF: Mapping[str, EntitySet] = {
    entity_set.shape.table: entity_set for sets in SETS.values() for entity_set in sets.values()
}
_SHAPES: Mapping[str, Shape] = {table: entity_set.shape for table, entity_set in _OF.items()}


def _get_rows(service: str, call: Call) -> Row:
    world, arguments = call.world, call.arguments
    main, *others = _TABLES[service].split()
    world.paged(f"{service}/GetRows")
    size = min(arguments["pageSize"] or world.settings.page_cap, world.settings.page_cap)
    page = max(arguments["absolutePage"] - world.settings.first_page, 0)
    found = _matching(call, main)
    rows = found[page * size : (page + 1) * size]
    tableset = {main: rows} | {table: _children(call, main, rows, table) for table in others}
    more = len(found) > (page + 1) * size
    return {"returnObj": {**tableset, "ExtensionTables": []}, "parameters": {"morePages": more}}


def _matching(call: Call, table: str) -> list[Row]:
    """A company's rows that meet their where clause, in key order; none of a table that this sandbox does not hold."""
    clause = call.arguments[f"whereClause{table}"]
    if clause.replace(" ", "") == NOTHING or table not in _HEADS.keys() | call.world.master.rows.keys():
        return []
    if table in _HEADS:
        below, keys = _HEADS[table]
        named = dict.fromkeys(tuple(row[key] for key in keys) for row in call.world.master.of(below, call.company))
        return [dict(zip(keys, each, strict=True)) for each in sorted(named)]
    rows = _in_order(call.world, call.company, table)
    return matching(table, rows, clause) if clause.strip() else rows


def _in_order(world: EpicorWorld, company: str, table: str) -> list[Row]:
    found = _OF[table]
    rows = found.rows(world, company)
    if found.in_order and isinstance(rows, list):
        return rows
    return sorted(rows, key=lambda row: [sortable(row[name]) for name in key_columns(found.shape)])


def _children(call: Call, main: str, parents: list[Row], table: str) -> list[Row]:
    """The rows of another table that belong to these parents by the columns of their key."""
    if call.arguments[f"whereClause{table}"].replace(" ", "") == NOTHING or table not in _SHAPES:
        return []
    own = {name.casefold(): name for name in columns(table)}
    keys = _HEADS[main][1] if main in _HEADS else key_columns(_SHAPES[main])
    joined = [(key, own[key.casefold()]) for key in keys if key.casefold() in own]
    wanted = {tuple(parent[key] for key, _ in joined) for parent in parents}
    return [row for row in _matching(call, table) if tuple(row[name] for _, name in joined) in wanted]


def _method(service: str) -> Method:
    clauses = {f"whereClause{table}": "string" for table in _TABLES[service].split()}
    run: Callable[[Call], Row] = partial(_get_rows, service)
    return Method(run, clauses | {"pageSize": "number", "absolutePage": "number"}, ("GET", "POST"))


METHODS: Mapping[str, Mapping[str, Method]] = {service: {"GetRows": _method(service)} for service in _TABLES}


def baq(world: EpicorWorld, company: str, path: str, options: Mapping[str, str]) -> Row:
    """The rows of a table, columns named `Table_Column`. Raises KineticError (404) for a BAQ that is not there."""
    name, _, rest = path.partition("/")
    table = name.removeprefix(BAQ)
    if rest != "Data" or not name.startswith(BAQ) or table not in world.master.rows or table not in _SHAPES:
        raise KineticError(f"BAQ {name} does not exist.", status=404)
    taken_literals(options.get("$filter", ""), world.settings.date_literals)
    world.paged(f"BaqSvc/{name}")
    since = options.get(SINCE)
    keys = key_columns(_SHAPES[table])
    rows = matching(table, _in_order(world, company, table), f"ChangeDate >= '{since}'" if since else "")
    shape = Shape(table, tuple(keys), {}, prefix=f"{table}_")
    query = {key: value for key, value in options.items() if key != SINCE}
    page = read(shape, rows, query, cap=world.settings.page_cap, in_order=True)
    return {"@odata.context": f"BaqSvc/{name}/$metadata#Data", "value": page.value}
