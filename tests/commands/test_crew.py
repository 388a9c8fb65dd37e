"""What several processes are given is done, the heaviest first of what waits."""

from ledgerstone.commands.crew import crew


def _begin(number: int) -> int:
    return number


def _say(number: int, word: str) -> str:
    return f"{word} {number}"


def test_what_weighs_more_is_done_before_what_weighs_less_and_the_rest_in_its_order() -> None:
    with crew(1, _begin) as processes:
        for word, weight in (("c", 0), ("a", 5), ("d", 0), ("b", 2)):
            processes.give(_say, word, weight=weight)
        said = [word for word in processes.answers(60) if word is not None]

    assert said == ["a 0", "b 0", "c 0", "d 0"]
