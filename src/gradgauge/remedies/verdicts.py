"""What a trial of remedies may end with, and the exit code of each."""

REPAIRED, NOTHING_TO_REPAIR = "repaired", "nothing-to-repair"
AS_GOOD_AS_RANDOM = "as-good-as-random-search"
SYMPTOM_ONLY, NOTHING_DECIDED = "symptom-only", "nothing-decided"
EXIT_CODES = {
    NOTHING_TO_REPAIR: 0,
    REPAIRED: 0,
    AS_GOOD_AS_RANDOM: 0,
    SYMPTOM_ONLY: 1,
    NOTHING_DECIDED: 1,
}
