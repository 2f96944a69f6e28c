"""What the schedules have found, each with a sentence about what was wrong.

Must not: be thinned out; a schedule here once broke a promise.
"""

import pytest
from tests.determ.schedule import play
from tests.determ.simulation import Op

FOUND: dict[str, tuple[int, list[Op]]] = {
    # A negative look-up was judged by its age when the answer came, not when it was asked: an
    # answer slower than the rest of the settle time let a create be sent twice.
    "a slow look-up is no proof": (1714, [Op("arrive", 0, 0), Op("pass", 11, 6)]),
    # A worker told to end cancelled a call and gave its transaction back without saying under
    # which trace id it had called: the call belonged to nobody.
    "work handed back names its calls": (
        250,
        [
            Op("steps", 32, 3), Op("arrive", 0, 0), Op("pass", 976, 731), Op("steps", 9, 9),
            Op("stop", 11, 5),
        ],
    ),
    # A worker stopped after its look at the lease and before the first byte (it had just got its
    # turn in the line for the rate limit) sent, when it went on, what was another's by then.
    "nothing leaves once the lease has ended": (
        135,
        [Op("arrive", 0, 0), Op("arrive", 0, 0), Op("meet", 547, 875)],
    ),
    # An update of a worker that was killed was still under way; the heir sent it again, then the
    # next version, and the first one arrived last: the ERP had the older version for good.
    "nothing newer overtakes what may still arrive": (
        502454,
        [Op("arrive", 0, 0), Op("pass", 983, 568), Op("meet", 997, 383), Op("edit", 0, 0)],
    ),
    # A create of an older version arrived after a look-up had not found it; the newer version's own
    # create got no answer, its look-up found the older one, and took it for its own.
    "what an older create left is not taken for ours": (
        615808,
        [Op("arrive", 6, 7), Op("arrive", 0, 0), Op("freeze", 0, 0), Op("meet", 8, 4)],
    ),
    "nor is it by one that was refused in between": (
        625867,
        [
            Op("arrive", 0, 0), Op("arrive", 0, 0), Op("arrive", 11, 8), Op("arrive", 0, 0),
            Op("meet", 250, 226), Op("delete", 0, 0), Op("meet", 996, 219),
        ],
    ),
    # What waited for an older write to arrive kept the key it had just taken, and was ended by a
    # newer version: the key was held by what was over.
    "what waits for what may still arrive holds no key": (
        923342,
        [Op("arrive", 857, 5), Op("meet", 217, 522), Op("steps", 570, 3), Op("delete", 0, 0)],
    ),
    # A claim was answered after its own lease had ended, and its rows were claimed once more by the
    # same worker: when the first group ended it took the second one's jobs out of hand, so that
    # their lease was not renewed, and they were sent without one.
    "who is claimed twice stays in hand": (
        961265,
        [
            Op("arrive", 0, 9), Op("arrive", 0, 0), Op("arrive", 0, 0), Op("meet", 766, 526),
            Op("stall", 101, 5), Op("pass", 0, 0), Op("stall", 139, 7), Op("meet", 8, 0),
        ],
    ),
    # A claim was answered late, after a renewal that did not know of it had begun: the worker took
    # the renewed lease for the claim's, and sent when that one was over.
    "a renewal covers what was had when it began": (
        617463,
        [
            Op("arrive", 2, 10), Op("arrive", 3, 10), Op("arrive", 4, 1), Op("meet", 100, 555),
            Op("meet", 572, 466), Op("meet", 767, 860), Op("stall", 703, 701), Op("meet", 788, 432),
        ],
    ),
    # What had been refused once took its key anew, waited for an older write to arrive, and found
    # that it had nothing to write any more: it was done, and held the key.
    "nor does it after it was refused": (
        2008312,
        [
            Op("arrive", 0, 0), Op("arrive", 0, 0), Op("arrive", 6, 6), Op("start", 0, 0),
            Op("start", 0, 0), Op("touch", 0, 0), Op("start", 0, 0), Op("steps", 659, 2),
            Op("pass", 371, 127),
        ],
    ),
    # The middle of a long story was cut out, and with it who had been interrupted under which trace
    # id: a call belonged to nobody.
    "a story that is cut keeps the calls of the dead": (
        2002601,
        [
            Op("arrive", 4, 7), Op("arrive", 4, 11), Op("start", 0, 0), Op("pass", 481, 868),
            Op("start", 0, 0), Op("meet", 764, 3), Op("stall", 181, 914),
        ],
    ),
    # A claim was answered late, and its lease ended before the first renewal that knew of it. The
    # worker's own had not: it took the claim for renewed, and sent.
    "a renewal revives nothing": (
        2103231,
        [
            Op("arrive", 0, 0), Op("steps", 471, 2), Op("stall", 732, 445), Op("stall", 766, 532),
            Op("start", 0, 0), Op("meet", 25, 8), Op("meet", 7, 10),
        ],
    ),
    # A create got no answer, its second try was throttled, and a newer version (the order was gone,
    # and that is ignored) ended it: the first try arrived, and nobody was to ask for it any more.
    "what may have arrived is not ended by what writes nothing": (
        2204855,
        [
            Op("arrive", 11, 8), Op("arrive", 0, 0), Op("kill", 0, 0), Op("meet", 322, 332),
            Op("meet", 9, 2), Op("pass", 0, 0),
        ],
    ),
    # The first look for what a lost ledger may have made got no answer; the try counted as one that
    # this ledger had made, so that nobody looked any more: the order was made a second time.
    "a look without an answer has seen nothing": (
        892,
        [Op("arrive", 0, 0), Op("meet", 8, 2), Op("put_back", 0, 0), Op("meet", 1, 10)],
    ),
    # After a change of its filter a pipeline has another feed, which knows of no old order: that one
    # was deleted was older there than all that had been delivered, and nobody was told.
    "what another feed knows is deleted after all": (
        4015958,
        [
            Op("filter", 0, 0), Op("arrive", 0, 0), Op("arrive", 0, 0), Op("join", 10, 3),
            Op("meet", 352, 7), Op("filter", 0, 0), Op("pass", 0, 0), Op("steps", 0, 0),
        ],
    ),
    # A second pipeline joined while a window that a killed worker had left open was read on: it was
    # given the rest of it, and never the beginning.
    "who joins in the middle of a window gets all of it": (
        4000362,
        [Op("arrive", 7, 8), Op("meet", 2, 11), Op("join", 10, 11)],
    ),
    # What was recorded while one rested or its pod was away was not his, though by the instants he
    # stood where the others did.
    "who is away is behind": (
        4000923,
        [
            Op("steps", 395, 2), Op("join", 10, 10), Op("stall", 362, 0), Op("arrive", 0, 0),
            Op("rest", 0, 0), Op("withdraw", 857, 808),
        ],
    ),
    # One came to another feed by a change of its filter, where the others had been given what was
    # marked before the place he had come to: an overlap shows it, and it was not his.
    "what an overlap shows is given to who comes from another feed": (
        2965,
        [
            Op("filter", 0, 0), Op("join", 11, 7), Op("arrive", 10, 11), Op("start", 0, 0),
            Op("filter", 0, 0),
        ],
    ),
    # One came to another feed by a change of its filter, where the others had been shown what came late,
    # marked before the place he had come to, and an overlap shows it: nobody remembered that.
    "what came late to another feed is given, too": (
        5101287,
        [
            Op("filter", 0, 0), Op("arrive", 0, 0), Op("meet", 752, 808), Op("join", 9, 8),
            Op("rest", 0, 0), Op("rest", 0, 0), Op("arrive", 10, 11), Op("start", 0, 0),
            Op("filter", 0, 0),
        ],
    ),
    # What a pipeline had missed and was given later was not counted in the window that had seen it,
    # and retention took it off there: one more seen than there was, for ever.
    "what was given later is let go of where it counts": (
        5010559,
        [
            Op("arrive", 0, 0), Op("join", 0, 0), Op("stall", 289, 1), Op("rest", 0, 0),
            Op("cancel", 0, 0), Op("meet", 4, 7), Op("rest", 9, 1), Op("pass", 8, 9),
            Op("tidy", 0, 0),
        ],
    ),
    # Somebody had a record delivered anew that still waited: the new transaction stood behind the old
    # one, in flight for ever.
    "nothing new stands behind what waits": (
        5010414,
        [
            Op("arrive", 5, 9), Op("arrive", 6, 1), Op("join", 925, 494), Op("pass", 11, 6),
            Op("replay", 0, 0),
        ],
    ),
    # Somebody ended what nobody could tell of: it was over, and its write was still open; its key was
    # held, too.
    "what a person ends is ended as a whole": (
        680,
        [
            Op("arrive", 0, 0), Op("arrive", 0, 0), Op("arrive", 0, 0), Op("start", 0, 0),
            Op("skip", 0, 0),
        ],
    ),
    # A rule was declared while an answer was awaited: the order was said to wait for somebody's word,
    # and was in the ERP; its business key was held.
    "a new rule holds nothing before it is known what was sent": (
        5502910,
        [
            Op("rule", 0, 0), Op("join", 269, 526), Op("arrive", 61, 8), Op("stall", 355, 923),
            Op("rule", 561, 0), Op("rest", 616, 6), Op("rule", 0, 0),
        ],
    ),
    # The same, and the order was cancelled: its cancellation stood behind it for ever.
    "a cancellation does not stand behind what a rule holds": (
        5501390,
        [
            Op("rule", 0, 0), Op("arrive", 322, 10), Op("rule", 0, 0), Op("meet", 4, 1),
            Op("cancel", 0, 0), Op("rule", 0, 0),
        ],
    ),
    # What waited for a product had given up what it sent; the rule that came then held it unseen.
    "nor what gave up what it sent": (
        5593472,
        [
            Op("arrive", 0, 0), Op("arrive", 336, 5), Op("meet", 382, 3), Op("rule", 0, 0),
            Op("forget", 0, 0), Op("meet", 682, 4),
        ],
    ),
    # It waited for a product, and its order was deleted, which is ignored: nobody looked for it.
    "of what may be there a person is told, though its deletion is ignored": (
        2265,
        [
            Op("open", 0, 0), Op("slow", 0, 0), Op("rule", 0, 0), Op("arrive", 6, 3),
            Op("meet", 756, 4), Op("forget", 9, 10), Op("stall", 0, 0), Op("delete", 0, 0),
            Op("pass", 916, 984),
        ],
    ),
    # Somebody skipped an order whose write nobody could tell of; the customer emptied it, and "the
    # ERP has nothing to change for it" was believed: the order stayed there.
    "what was skipped is looked for before its cancellation ends": (
        5572819,
        [
            Op("arrive", 0, 0), Op("arrive", 0, 0), Op("pass", 724, 949), Op("withdraw", 973, 8),
            Op("skip", 0, 0),
        ],
    ),
    # The same, and retention forgot the skip: the next version was made, and the old one found.
    "a skip of what may be there is not forgotten": (
        1949,
        [
            Op("open", 0, 0), Op("arrive", 162, 581), Op("pass", 7, 2), Op("rule", 0, 0),
            Op("pass", 10, 9), Op("skip", 0, 0), Op("meet", 0, 0), Op("tidy", 0, 0),
            Op("edit", 1, 11),
        ],
    ),
    # Retention dropped the delivered version because the deletion was newer, which its pipeline had
    # missed: nothing told it of the deletion any more.
    "who missed a deletion is told of it, though retention was there first": (
        5500829,
        [
            Op("arrive", 0, 0), Op("meet", 0, 0), Op("pause", 0, 0), Op("join", 0, 0),
            Op("delete", 0, 0), Op("meet", 0, 0), Op("tidy", 0, 0),
        ],
    ),
    # The customer was written, the order was not, and somebody set another e-mail: the customer of
    # that one was made, and the ledger went on naming the first.
    "what is half written ends when it is edited": (
        5651255,
        [Op("open", 0, 0), Op("arrive", 0, 0), Op("pass", 10, 7), Op("amend", 6, 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FOUND)
def test_it_stays_mended(what: str) -> None:
    seed, ops = FOUND[what]
    assert play(seed, ops) == []
