"""The posting protocol: look, decide, write ahead, save, read back, record; one step at a time until the outcome.

Every write is announced in the log before it is made, so that a crash at any point leaves a question that a look-up
can answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from epicor_writer import progress
from epicor_writer.attempts import contradicted, withdrawn
from epicor_writer.computed_taxes import holds_of, remarks_of
from epicor_writer.decision import Absent, GiveUp, Remove, Said, Send, Settle, Succeed, Wait, decide, next_step
from epicor_writer.desk import Desk
from epicor_writer.due_dates import due_date_remarks
from epicor_writer.group_posting import into_payables
from epicor_writer.groups import group_ids, own_group_ids
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.payables import Settled, neighbours
from epicor_writer.people import decided, wait_while_held
from epicor_writer.ports import Reply
from epicor_writer.progress import Progress, pause_after
from epicor_writer.reference import Vendor
from epicor_writer.refusals import speaks_of_a_period
from mlc_common.catalogue import Finding, finding
from mlc_common.events import DocumentFact, InvoicePosted, InvoiceRefused
from mlc_common.failures import PermanentError, TransientError
from mlc_epicor.datasets import APInvoiceDataset


async def refuse(desk: Desk, findings: tuple[Finding, ...]) -> InvoiceRefused:
    """Record that the business said no, with every reason."""
    event = desk.facts.refused(findings)
    await record(desk, event)
    return event


async def record(desk: Desk, outcome: InvoicePosted | InvoiceRefused) -> None:
    """Store an outcome, but never beside one of the other kind: a worker that lost its place must not speak.

    Raises:
        TransientError: somebody else works on the document by now, or has said otherwise.
    """
    history = await desk.log.history(outcome.connection, outcome.invoice_id)
    if contradicted((recorded.event for recorded in history), outcome):
        raise TransientError("Another worker recorded an outcome of this transfer.", retry_after=1, counts=False)
    await desk.slot.still_ours()
    await desk.log.append(outcome)


class Posting:
    """One run over one attempt.

    Args:
        findings: reasons not to send; they do not matter to what was sent before.
        left_open: more groups to give back, which an earlier try may have left locked.
    """

    def __init__(
        self,
        desk: Desk,
        state: Progress,
        draft: Draft,
        vendor: Vendor,
        *,
        findings: tuple[Finding, ...],
        left_open: Iterable[str] = (),
    ) -> None:
        self._desk = desk
        self._state = state
        self._draft = draft
        self._vendor = vendor
        self._findings = findings
        self._company = draft.pair.epicor
        self._taken: set[str] = set()
        self._in_use: dict[str, bool] = dict.fromkeys(left_open, False)
        """Groups to give back, and whether they are surely ours."""
        self._reply = Reply(Said.NOTHING)
        self._settled = 0
        """Changes of the tax that this run made."""

    async def run(self) -> InvoicePosted | InvoiceRefused:
        """Work until there is an outcome; groups that were used are given back in any case.

        Raises:
            TransientError: a pause is due, or Epicor cannot be asked now.
            PermanentError: nobody can handle the document as it is, and nothing was sent.
        """
        try:
            while True:
                outcome = await self._one_step()
                if outcome is not None:
                    return outcome
        except PermanentError as error:
            if self._state.intent is None:
                raise
            raise TransientError(f"{error} It is unclear whether Epicor holds the invoice, so this waits.") from error
        finally:
            for group_id, surely_ours in self._in_use.items():
                await self._desk.ledger.close_group(self._company, group_id, surely_ours=surely_ours)

    async def _one_step(self) -> InvoicePosted | InvoiceRefused | None:
        verdict = decide(
            await self._look_up(),
            self._meant(),
            prebooked=self._desk.prebooked,
            tax_tolerance=self._desk.rules.tax_tolerance,
            tries=self._settled,
        )
        step = next_step(self._state, verdict, self._reply.said)
        match step:
            case Succeed():
                return await self._succeed(step)
            case GiveUp():
                return await refuse(self._desk, self._reasons(step))
            case _ if self._findings and isinstance(verdict, Absent) and isinstance(step, Send):
                return await refuse(self._desk, self._findings)
            case Remove() if self._findings and self._desk.prebooked and self._state.phase == "fresh":
                return await refuse(self._desk, self._findings)  # what was prebooked stays until it can be replaced
            case Send():
                self._reply = await self._send()
            case Remove():
                return await self._remove(step)
            case Settle():
                await self._settle(step)
            case Wait():
                await self._wait(step.look_ups)
        return None

    def _meant(self) -> APInvoiceDataset:
        group_id = self._state.intent.group_id if self._state.intent else ""
        return to_dataset(self._draft, self._vendor, group_id=group_id)

    async def _look_up(self) -> APInvoiceDataset | None:
        return await self._desk.ledger.look_up(self._company, self._vendor.num, self._draft.invoice_num)

    @property
    def _posts(self) -> bool:
        """Success means posted, so every invoice has a group of its own."""
        return self._desk.rules.success == "posted"

    async def _append(self, event: DocumentFact) -> bool:
        appended = await self._desk.log.append(event)
        self._state = progress.after(self._state, event)
        return appended.already

    async def _send(self) -> Reply:
        group_id = self._next_group()
        dataset = to_dataset(self._draft, self._vendor, group_id=group_id)
        await self._still_wanted()
        await self._desk.slot.still_ours()
        if await self._append(self._desk.facts.intended(self._state.number + 1, dataset, self._draft.orders)):
            raise TransientError("This posting is under way elsewhere.", retry_after=1, counts=False)
        try:
            reply = await self._open_and_save(group_id, dataset, whole=True)
        except TransientError as failure:
            sentence = f"Nothing was sent: {failure}"
            await self._append(self._desk.facts.unclear(self._state, look_ups=1, total=0, sentence=sentence))
            raise
        # Where no look-up shows what has the number, it may be an earlier call of ours that arrives late.
        return replace(reply, said=Said.UNCLEAR) if reply.duplicate and reply.said is Said.NO else reply

    async def _still_wanted(self) -> None:
        """Look once more, right before anything is entered, whether Basware and people still want it."""
        event = self._desk.event
        history = [each.event for each in await self._desk.log.history(event.connection, event.invoice_id)]
        if withdrawn(history, event.attempt) and not self._findings:
            sentence = "Basware took the document out of its transfer meanwhile."
            raise TransientError(sentence, retry_after=0, counts=False)
        wait_while_held(decided(history, event.attempt), self._desk.timings)

    async def _open_and_save(self, group_id: str, dataset: APInvoiceDataset, *, whole: bool = False) -> Reply:
        ledger = self._desk.ledger
        self._in_use.setdefault(group_id, False)
        opened = await ledger.open_group(self._company, group_id, apply_date=self._draft.apply_date)
        if opened.said is Said.GROUP_TAKEN:
            self._taken.add(group_id)
            self._in_use.pop(group_id)
        if opened.said is not Said.YES:
            return opened
        self._in_use[group_id] = True
        if whole and self._posts and neighbours(dataset.header, await ledger.invoices_in(self._company, group_id)):
            self._taken.add(group_id)
            return Reply(Said.GROUP_TAKEN, f"Group {group_id} holds other invoices.")
        await self._desk.slot.still_ours()
        reply = await self._save(group_id, dataset, whole=whole)
        if reply.said is Said.GROUP_TAKEN:
            self._taken.add(group_id)
            self._in_use[group_id] = False
        return reply

    async def _save(self, group_id: str, dataset: APInvoiceDataset, *, whole: bool) -> Reply:
        """In stages when the connection says so, or a line is from a goods receipt, which Epicor makes itself.

        A change of what stands there already is always one call.
        """
        ledger, rules = self._desk.ledger, self._desk.rules
        if not whole or (rules.strategy == "single" and not self._draft.receives):
            return await ledger.save(self._company, dataset, group_id=group_id)
        still_ours = self._desk.slot.still_ours
        return await ledger.save_in_stages(
            self._company, dataset, group_id=group_id, rows_at_once=rules.rows_per_save, still_ours=still_ours
        )

    def _next_group(self) -> str:
        slot, prefix, event = self._desk.slot, self._desk.rules.group_prefix, self._desk.event
        if self._posts:
            whose = f"{event.connection}/{event.invoice_id}/{event.attempt}"
            ids = own_group_ids(prefix, whose, slot=slot.number, cap=slot.cap)
        else:
            ids = group_ids(prefix, self._draft.apply_date, slot=slot.number, cap=slot.cap)
        free = next((each for each in ids if each not in self._taken), None)
        if free is None:
            raise TransientError(f"Other users hold all our AP invoice groups of {self._draft.apply_date} in Epicor.")
        return free

    async def _remove(self, step: Remove) -> InvoiceRefused | None:
        """Delete our incomplete invoice and make sure that it is gone."""
        await self._desk.slot.still_ours()
        self._in_use.setdefault(step.group_id, False)
        num, invoice_num = self._vendor.num, self._draft.invoice_num
        reply, refusal = await self._desk.ledger.remove(self._company, num, invoice_num), self._reply
        # What Epicor refused half-way is refused: made anew it would be refused again.
        self._reply = refusal if refusal.begun and refusal.said is Said.NO else Reply(Said.NOTHING)
        if await self._look_up() is None:
            facts, interrupted = self._desk.facts, step.interrupted
            await self._append(facts.removed(self._state, self._meant(), step.difference, interrupted=interrupted))
            return None
        if reply.said is Said.NO:
            values = {"difference": step.difference, "message": reply.message}
            return await refuse(self._desk, (finding("NOT_REMOVED", **values),))
        raise TransientError(
            f"Epicor still holds an incomplete invoice of document {self._desk.event.invoice_id}.",
            retry_after=self._desk.timings.unclear_pauses[0],
            counts=False,
        )

    async def _settle(self, step: Settle) -> None:
        """Change the tax, or put the invoice on hold, as Epicor holds it now.

        It needs no intent of its own: the next look-up shows whether it was saved, and the revision that it names
        keeps it from being saved twice.
        """
        self._settled += 1
        reply = await self._open_and_save(step.group_id, step.change)
        if reply.said in (Said.UNCLEAR, Said.GROUP_TAKEN):
            raise TransientError(
                f"Epicor's tax of document {self._desk.event.invoice_id} is not settled yet: {reply.message}",
                retry_after=self._desk.timings.unclear_pauses[0],
            )

    async def _wait(self, look_ups: int) -> None:
        state, reply = self._state, self._reply
        sentence = reply.message or state.sentence or "A try ended before its outcome was recorded."
        facts, failures = self._desk.facts, state.failures + (reply.server_error or reply.duplicate)
        await self._append(
            facts.unclear(state, look_ups=look_ups, total=state.total + 1, failures=failures, sentence=sentence)
        )
        pause = pause_after(state.total + 1, state.number, self._desk.timings.unclear_pauses)
        raise TransientError(f"Looking up an unclear posting again later: {sentence}", retry_after=pause, counts=False)

    async def _succeed(self, step: Succeed) -> InvoicePosted | None:
        """Record the success; None when the invoice was posted just now and is to be read back once more."""
        settled = await self._settled_in_payables(step)
        if settled and settled.in_payables and not step.held.header.Posted:
            return None
        meant = self._meant()
        draft = self._draft.told(*remarks_of(meant, step.held), *due_date_remarks(meant, step.held))
        draft = draft.held_back((*draft.held_for, *holds_of(meant, step.held)))
        found = step.found and self._state.requested is None
        event = self._desk.facts.posted(
            step.held, draft, vendor_id=self._vendor.vendor_id, found=found, settled=settled
        )
        await record(self._desk, event)
        return event

    async def _settled_in_payables(self, step: Succeed) -> Settled | None:
        """What became of the invoice's group, where success asks for that."""
        if not self._posts:
            return None
        header = step.held.header
        if header.GroupID in self._in_use:
            ours = self._in_use.pop(header.GroupID)
            await self._desk.ledger.close_group(self._company, header.GroupID, surely_ours=ours)

        async def append(event: DocumentFact) -> Progress:
            if await self._append(event):
                raise TransientError("This group is being posted elsewhere.", retry_after=1, counts=False)
            return self._state

        return await into_payables(self._desk, self._state, header, findings=self._findings, append=append)

    def _reasons(self, step: GiveUp) -> tuple[Finding, ...]:
        if step.code is not None:
            values = dict(step.values) | {"number": self._draft.invoice_num, "vendor": self._vendor.vendor_id}
            mine = finding(step.code, field="invoiceNumber" if step.code == "DUPLICATE" else None, **values)
            return (*self._findings, mine)
        message = self._reply.message
        if speaks_of_a_period(message):
            return (finding("PERIOD_REFUSED", day=self._draft.apply_date, message=message),)
        return (finding("NEEDS_A_PERSON" if self._reply.question else "REFUSED_BY_EPICOR", message=message),)
