import pytest

from hw3.studies import profiles
from hw3.studies.distillation import RECORDS
from hw3.studies.profiles import PROFILES, profile


def test_a_profile_is_the_named_or_the_variables_or_book(monkeypatch):
    monkeypatch.delenv("HW3_PROFILE", raising=False)
    assert profile().name == "book"
    monkeypatch.setenv("HW3_PROFILE", "smoke")
    assert profile().name == "smoke"
    assert profile("full").name == "full"
    for name in ("enormous", "Smoke"):
        with pytest.raises(ValueError, match=f"{name!r}; it must be one of smoke, brief, book, recorded, full"):
            profile(name)
    monkeypatch.setenv("HW3_PROFILE", "enormous")
    with pytest.raises(ValueError, match="'enormous'"):
        profile()


def test_it_computes_in_this_machines_precision(monkeypatch):
    for precision in ("32-true", "bf16-mixed"):
        monkeypatch.setattr(profiles, "default_precision", lambda precision=precision: precision)
        assert profile("smoke").precision == precision


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_called_by_its_name_and_compares_by_seeds(name):
    assert PROFILES[name].name == name
    assert len(set(PROFILES[name].seeds)) >= 3
    assert PROFILES[name].resolution in PROFILES[name].resolutions
    assert PROFILES[name].sweep_images <= PROFILES[name].probe_images


def test_what_is_recorded_has_a_folder_of_its_own_for_each_size():
    recorded = [PROFILES[name].distillation for name in ("full", "recorded")]
    assert tuple(sizes.record for sizes in recorded) == RECORDS
    assert recorded[0].images > recorded[1].images
