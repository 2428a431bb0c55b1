from reports.sanity_index import SanityIndex
from reports.schema import Cell, Condition, SanityCheck


def check(id: str, verdict: str, model: str = "a") -> SanityCheck:  # noqa: A002
    return SanityCheck(id=id, title=id, model=model, engine="torch", verdict=verdict, message="why")


def attack(model: str = "a", engine: str = "torch", source: str = "", **parameters: int) -> Cell:
    name = "noise" if not parameters else "camera_pgd"
    return Cell(
        id=f"{model}-{engine}-{source}",
        model=model,
        engine=engine,
        condition=Condition(kind="attack", name=name, parameters=dict(parameters)),
        seed=0,
        metrics={},
        details={"crafted_on": source} if source else {},
    )


def test_failed_checks_follow_the_gradients_in_the_order_of_the_file() -> None:
    index = SanityIndex([check("S8", "FAIL"), check("S2", "WARN"), check("S7", "FAIL")])
    assert index.find_failed_checks(attack(steps=10)) == ("S8", "S7")
    assert index.find_failed_checks(attack(engine="onnx", steps=10)) == ("S8", "S7")
    assert index.find_failed_checks(attack("b", source="a/torch", steps=10)) == ("S8", "S7")
    assert index.find_failed_checks(attack("b", steps=10)) == ()
    assert index.find_failed_checks(attack()) == ()  # a random control looks at no model


def test_a_search_without_a_check_that_ran_is_unchecked() -> None:
    index = SanityIndex([check("S1", "NOT RUN"), check("S1", "PASS", model="b")])
    assert index.is_unchecked(attack(steps=10))
    assert not index.is_unchecked(attack("b", queries=10))
    assert not index.is_unchecked(attack())
