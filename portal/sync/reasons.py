"""Why an entry is as it is, in words: one sentence for each reason code and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.ledger.models import Entry


@dataclass(frozen=True, slots=True)
class Reason:
    """What happened and what to do; translated when shown."""

    text: str | Promise
    advice: str | Promise = ""


REASONS: dict[str, Reason] = {
    "no_match_key": Reason(
        _("A part of the match key is empty or cannot be read, so its partner cannot be found."),
        _("Fill in the field in the CRM; the next run takes it up."),
    ),
    "doubled_key": Reason(
        _("Several records on its own side hold the same match key."),
        _("Merge them or correct the key in the CRM; the next run takes it up."),
    ),
    "several_matches": Reason(
        _("Several records on the other side hold this match key."),
        _("Merge them or correct the key in the CRM; the next run takes it up."),
    ),
    "match_taken": Reason(
        _("The record on the other side that holds this match key is linked to another one."),
        _("Look at both records: one of them holds the wrong key."),
    ),
    "match_taken_by_deleted": Reason(
        _("The record on the other side that holds this match key is linked to a record that was deleted here."),
        _(
            "Restore the deleted record and delete this one; or delete the record on the other side, then this one is "
            "created there."
        ),
    ),
    "cannot_convert": Reason(
        _("A value cannot be carried over."), _("Correct the value, or change the rule of that field.")
    ),
    "no_partner": Reason(
        _("It refers to a record that has no partner on the other side yet."),
        _("It goes on by itself once the linked mapping has brought that record over."),
    ),
    "circle": Reason(
        _(
            "It refers to a record that can only be made after this one, and the field is required: it can never go by itself."
        ),
        _("Make one of the two in the other CRM by hand, or give the rule another source."),
    ),
    "no_choice": Reason(
        _("A value is not in the other side’s pick list yet."),
        _("It goes on by itself once it is there: added by a run, on the page of the value table, or in the CRM."),
    ),
    "already_listed": Reason(_("The list had it already: nothing was sent.")),
    "not_listed": Reason(
        _("The CRM said that it was added, but its list does not show it."),
        _("Look at the list in the CRM; save the connection to have it tried again."),
    ),
    "required_empty": Reason(
        _("A field that the other side requires is empty here."), _("Fill it in, or give the rule a fixed value.")
    ),
    "unsafe_match_key": Reason(
        _("The match key holds characters that servers lose; after an unclear answer it could not be looked up."),
        _("Correct the key in the CRM."),
    ),
    "cannot_create": Reason(
        _("This account may not create records of that module."), _("Give the CRM user that right.")
    ),
    "cannot_update": Reason(
        _("This account may not change records of that module."), _("Give the CRM user that right.")
    ),
    "cannot_delete": Reason(
        _("This account may not delete records of that module."), _("Give the CRM user that right.")
    ),
    "target_gone": Reason(
        _("The record on the other side was deleted there. It is never made again by itself."),
        _("Restore it there, or delete this one."),
    ),
    "target_missing": Reason(
        _("The record on the other side was not found any more."), _("Restore it there, or delete this one.")
    ),
    "source_gone": Reason(_("The record was deleted at its source."), _("Decide what becomes of this one.")),
    "source_missing": Reason(
        _("The record was not found any more at its source, which does not say that it was deleted."),
        _("Decide what becomes of this one."),
    ),
    "deleted_and_changed": Reason(
        _("Deleted on one side and changed on the other since."), _("Decide which of the two shall hold.")
    ),
    "both_changed": Reason(_("Both sides changed the same field differently."), _("Choose which value shall hold.")),
    "matched": Reason(_("Found by its match key; both sides already agree.")),
    "edited_since": Reason(
        _("Somebody changed it since the run, so it is left as it is."),
        _("Correct it in the CRM if it shall be as before."),
    ),
    "gone_since": Reason(_("It was deleted since the run, so there is nothing to restore.")),
    "gone_already": Reason(_("The run made it and it was deleted since. It is not made again.")),
    "as_before": Reason(_("It holds what it held before the run already.")),
    "kept_as_asked": Reason(_("The run made it, and it was asked to keep such records.")),
    "came_back": Reason(_("The run deleted it and it was restored since. It is not deleted again.")),
    "nothing_kept": Reason(
        _("What it held before the run is not kept, so it cannot be restored."), _("Correct it in the CRM.")
    ),
    "has_twin": Reason(
        _("The run deleted it, and another record there holds its match key by now."),
        _("Look at that record: somebody may have made it anew."),
    ),
    "refers_to_deleted": Reason(
        _("The run deleted it, and it refers to a record that a run deleted too."),
        _(
            "It follows with the new number of that one, as soon as that is made again: take back the run that deleted it."
        ),
    ),
    "field_gone": Reason(
        _("A field that the run wrote is not there any more or cannot be written, so the record is left as it is.")
    ),
    "no_copy": Reason(_("There is no copy of it any more, so nobody can tell what it holds now.")),
    "cannot_undo": Reason(_("This cannot be taken away through the CRM’s interface."), _("Correct it in the CRM.")),
    "flips": Reason(
        _("It went back and forth between the two CRMs, the third time within an hour, and is written no more."),
        _("Something in one of them changes back what arrives. Mend that, then have it looked at again."),
    ),
    "both_gone": Reason(_("Deleted on both sides. If one of the two is restored, a person decides about the other.")),
    "agreed": Reason(_("Both sides were changed alike.")),
    "resolved": Reason(_("Nothing is left to do about an earlier entry.")),
    "changed_meanwhile": Reason(_("The record changed after the plan was made; it was planned again.")),
    "not_reached": Reason(_("The run ended before this was sent."), _("The next run plans it again.")),
    "approved": Reason(_("Approved. It is planned once more and carried out if it is still the same.")),
    "mapping_deleted": Reason(_("The mapping was deleted before this was done.")),
    "other_crm": Reason(_("The connection leads to another CRM now; this was about a record of the old one.")),
    "replaced": Reason(_("A newer run planned this again.")),
    "not_arrived": Reason(_("It was looked up live and had not arrived."), _("It is planned again by itself.")),
    "outcome_unclear": Reason(
        _("Whether the request was carried out cannot be told: what was found is not exactly what was sent."),
        _("Look at the records listed in the CRM, then link or delete them."),
    ),
    "cannot_look_up": Reason(
        _("Whether the request was carried out cannot be looked up: what was sent holds no match key."),
        _("Look for the record in the CRM."),
    ),
    "already_linked": Reason(
        _("The CRM answered with a record that is linked to another one."), _("Look at both records in the CRM.")
    ),
    "outcome_unknown": Reason(_("No clear answer came; the record will be looked up."), ""),
    "edit_unknown": Reason(
        _("It is not known whether this was done: no clear answer came, or the process ended on the way."),
        _("Look at the record in the CRM, then say here whether it arrived."),
    ),
    "edit_lost": Reason(
        _("The process ended on the way, and the record shows that it did not arrive."), _("Do it again.")
    ),
    "person_chose": Reason(_("A person chose it.")),
    "joined": Reason(_("A person said which record is its partner.")),
    "retired": Reason(_("A person said that it is never synced again.")),
    "person_looked": Reason(_("A person looked in the CRM and said so.")),
    "refused": Reason(_("The CRM refused the record."), _("Correct what it names; it is tried again by itself.")),
    "connection": Reason(_("The connection does not work."), _("Mend the connection; the next run takes it up.")),
    "unsupported": Reason(_("The CRM cannot do this."), ""),
}


def describe(code: str) -> Reason:
    """Return the words for a reason code; the code itself for one that is not known."""
    return REASONS.get(code, Reason(code))


# What an entry of an undo does, by its action.
TAKES_BACK: dict[str, Reason] = {
    "create": Reason(
        _("The run deleted it: it is made again, as a new record with a number of its own, without comments and files.")
    ),
    "update": Reason(_("The run changed it: the fields get back what they held.")),
    "delete": Reason(_("The run made it and nobody changed it since: it is deleted, and not made again.")),
}


def told_of(entry: Entry) -> Reason | None:
    """Return the words for why an entry is as it is, or for what it takes back; None where nothing is to be said."""
    if not entry.reason:
        return TAKES_BACK.get(entry.action) if entry.undoes_id else None
    told = describe(entry.reason)
    if entry.undoes_id and entry.state in Entry.WAITING:
        return Reason(told.text, _("Mend that, then take the run back once more: what is done is passed over."))
    return told
