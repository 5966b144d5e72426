/* SPDX-License-Identifier: MIT */
/* Every change of a word of the schema of limits, and what is said of it. */
#include "stages/kinds/kinds.h"
#include "tests/unit/change_story.h"

#define HEAD "limits 2 key=id:string amount="
#define REST " zone=UTC week=monday lateness=14d attempts=accepted periods="
#define OF(periods) HEAD "paid:money(USD) at=time" REST periods
#define WEEKS(day, periods)                                                                        \
    HEAD "paid:money(USD) at=time zone=UTC week=" day " lateness=14d attempts=accepted "           \
         "periods=" periods
#define LATE(lateness)                                                                             \
    HEAD "paid:money(USD) at=time zone=UTC week=monday lateness=" lateness                         \
         " attempts=accepted periods=day;"
#define ALL OF("day+sum;week+sum;")

static void every_word_has_its_verdict(void **state)
{
    (void)state;
    static const struct change_story stories[] = {
        {ALL,
         "limits 2 key=name:string,day:enum(a, b) amount=paid:money(USD) at=time" REST
         "day+sum;week+sum;",
         "",
         "lost|key was id:string, is name:string,day:enum(a, b): sums and counts are kept for each "
         "key|"},
        {ALL, HEAD "due:money(USD) at=time" REST "day+sum;week+sum;", "",
         "converted|amount was paid:money(USD), is due:money(USD): sums go on, and from now on the "
         "other field is added to them|"},
        {ALL, HEAD "paid:money(EUR) at=time" REST "day+sum;week+sum;", "",
         "lost|amount was paid:money(USD), is paid:money(EUR): its sums are in the former "
         "currency|"},
        {OF("day+sum;week;"), HEAD "paid:money(EUR) at=time" REST "day+sum;", "",
         "lost|amount was paid:money(USD), is paid:money(EUR): its sums are in the former "
         "currency; "
         "periods was day+sum;week, is day+sum: what it has of weeks is not used any more|"},
        {OF("day;week+sum;"), HEAD "paid:money(EUR) at=time" REST "day;week+sum;", "",
         "lost|amount was paid:money(USD), is paid:money(EUR): its sums are in the former "
         "currency|"},
        {OF("day;"), HEAD "paid:money(EUR) at=time" REST "day;", "periods=day+sum",
         "converted|amount was paid:money(USD), is paid:money(EUR): it has no sums of it that go "
         "on|periods=day+sum"},
        {ALL, HEAD "paid at=time" REST "day+sum;week+sum;", "",
         "lost|amount was paid:money(USD), is paid: this bulkhead does not know what one of them "
         "means|"},
        {ALL, HEAD "paid:money(USD) at=booked" REST "day+sum;week+sum;", "periods=week+sum",
         "converted|at was time, is booked: sums and counts go on, and windows close, by the times "
         "of the other field; those that have closed stay closed|periods=week+sum"},
        {ALL,
         HEAD "paid:money(USD) at=time zone=CET week=monday lateness=14d attempts=accepted "
              "periods=day+sum;week+sum;",
         "",
         "lost|zone was UTC, is CET: days begin at other times, and sums and counts cannot be "
         "divided|"},
        {WEEKS("monday", "day;week;"), WEEKS("sunday", "day;week;"), "",
         "lost|week was monday, is sunday: weeks begin on another day, and sums and counts cannot "
         "be divided|"},
        {WEEKS("monday", "day;"), WEEKS("sunday", "day;"), "",
         "converted|week was monday, is sunday: it has no weeks that go on|"},
        {LATE("14d"), LATE("30d"), "",
         "converted shift=16d clock|lateness was 14d, is 30d: windows that are open stay open for "
         "longer; those that have closed stay closed|"},
        {LATE("1h30m"), LATE("0s"), "",
         "converted shift=-1h30m clock|lateness was 1h30m, is 0s: windows that are open close "
         "sooner, once a record comes|"},
        {LATE("14d"), LATE("long"), "",
         "lost|lateness was 14d, is long: this bulkhead does not know what one of them means|"},
        {LATE("14d"), LATE("9999999w"), "",
         "lost|lateness was 14d, is 9999999w: this bulkhead does not know what one of them means|"},
        {OF("day;"),
         HEAD "paid:money(USD) at=time zone=UTC week=monday lateness=14d attempts=all periods=day;",
         "",
         "converted|attempts was accepted, is all: counts go on from what was counted by the "
         "former rule|"},
        {WEEKS("monday", "week;"), WEEKS("sunday", "day;"), "",
         "converted|week was monday, is sunday: it has no weeks that go on; periods was week, is "
         "day: its days begin with nothing in them, and what it has of weeks is not used any "
         "more|periods=week"},
    };
    CHANGE_STORIES_CHECK(&limits_kind, stories);
}

static void periods_come_and_go_and_come_back(void **state)
{
    (void)state;
    static const struct change_story stories[] = {
        {OF("day;"), OF("day;week+sum;"), "",
         "converted|periods was day, is day;week+sum: its weeks begin with nothing in them|"},
        {OF("day;"), OF("day;week;"), "periods=week",
         "lost|periods was day, is day;week: it still has weeks of an earlier time, which lack "
         "what came in between|"},
        {OF("day;"), OF("day;week;"), "periods=week+sum",
         "lost|periods was day, is day;week: it still has weeks of an earlier time, which lack "
         "what came in between|"},
        {ALL, OF("day+sum;"), "periods=day+sum",
         "converted|periods was day+sum;week+sum, is day+sum: what it has of weeks is not used any "
         "more|periods=day+sum;week"},
        {ALL, OF("day;week+sum;"), "",
         "converted|periods was day+sum;week+sum, is day;week+sum: sums of days are not kept any "
         "more|periods=day+sum"},
        {OF("day;week+sum;"), OF("week+sum;"), "periods=day+sum",
         "converted|periods was day;week+sum, is week+sum: what it has of days is not used any "
         "more|periods=day"},
        {OF("day;week+sum;"), ALL, "",
         "converted|periods was day;week+sum, is day+sum;week+sum: sums of days begin at 0, and "
         "counts go on|"},
        {OF("day;week+sum;"), ALL, "periods=day+sum",
         "lost|periods was day;week+sum, is day+sum;week+sum: it still has sums of days of an "
         "earlier time, which lack what came in between|"},
        {OF("day;week+sum;"), OF("day+sum;week;"), "",
         "converted|periods was day;week+sum, is day+sum;week: sums of days begin at 0, and counts "
         "go on, and sums of weeks are not kept any more|periods=week+sum"},
        {OF("day;"), OF("day;month;"), "",
         "lost|periods was day, is day;month: this bulkhead does not know what one of them means|"},
        {OF("day;"), OF("day;week;"), "keys=a",
         "lost|what an earlier change left of it is not what this bulkhead knows|"},
        {OF("day;"), OF("day;week;"), "periods=week;day",
         "lost|what an earlier change left of it is not what this bulkhead knows|"},
    };
    CHANGE_STORIES_CHECK(&limits_kind, stories);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_has_its_verdict),
        cmocka_unit_test(periods_come_and_go_and_come_back),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
