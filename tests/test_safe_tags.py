"""Tags that are never shown, in all their forms, beside ordinary ones that look like them."""

import dataclasses

import pytest

from i2v_lib.config import load_config
from i2v_lib.data.safe_tags import is_safe_tag
from i2v_lib.drawn import draw_picture

HIDDEN = """
uncensored, ahegao, bukkake, doggystyle, creampie, sexually suggestive, tentacle, deepthroat, spread legs, facesitting,
cumdrip, handjobs, pubes, strap-on, condom, femdom, large breasts, nude, panty_shot, Cum, bloody, anal
"""
FORMS = """
censored, censoring, decensored, mosaic censoring, doggy style, doggy-style, creampies, cream pie, sexual, sexually,
sexual_harassment, tentacles, tentacle_sex, deep throat, deepthroating, deep-throating, spread leg, legs spread,
spreading legs, face sitting, facesit, face-sitting, cum drip, cum_dripping, cumshots, cum on body, handjob, hand job,
two-handed handjob, cooperative footjob, pube, pubic hair, strapon, strap on, strap-ons, condoms, used_condom,
condom wrapper, femdoms, bukkakes, ahegao face, ahegaos, uncensored_version, nipples, nippleless, penises, pussies,
underboobs, sideboob, breasts out, bare breasts, breastfeeding, blood on face, nosebleed, bleeding, pantyshot, panties,
panty pull, buttocks, asses, ass focus, naked_apron, pregnancy, masturbating, suicidal, tortured, undressed, upskirts,
orgies, threesomes, sex toys, sextoy, slaves, dildoes, voyeuristic, fucking, motherfucker
"""
ORDINARY = """
cumulonimbus, cucumber, cumulus, document, circumference, analog clock, analysis, canal, banana, cocktail, peacock,
cockpit, cockatiel, weathercock, hancock, scunthorpe, sextant, sextet, essex, sussex, unisex, condominium, condor,
assassin, grass, glasses, class room, brass, bass guitar, compass, embarrassed, butter, butterfly, button, buttercup,
rebuttal, titan, title, titanium, constitution, dickens, grape, grapes, rapeseed, drape, scrape, therapist, pantyhose,
pants, peer, peek, peeking, peeler, speed, kingdom, freedom, random, domino, bralette, zebra, cobra, library, algebra,
breastplate, double-breasted, booby trap, hello, gagaku, engaged, luggage, pastel, pastry, pasta, scatter, scattered,
gorey, gorgon, categories, category, sensor, licensed, tentative, slavic, vorpal, voracious,
carnivore, herbivore, spread wings, spread arms, strapless, strap, shoulder strap, crossed legs, leg warmers,
deep sea, face paint, facepalm, handbag, job, hand on hip, erector set, vibration, pieces, masterpiece,
urinal, lolita fashion, futaba, nudibranch, crotchet, bloodhound, futon
"""


def words(text):
    return [word.strip() for word in text.replace("\n", " ").split(",")]


@pytest.mark.parametrize("tag", words(HIDDEN) + words(FORMS))
def test_what_is_sexual_or_cruel_is_hidden_in_every_form(tag):
    assert not is_safe_tag(tag)
    assert not is_safe_tag(tag.upper().replace(" ", "_"))


@pytest.mark.parametrize("tag", words(ORDINARY))
def test_ordinary_tags_that_look_like_them_are_shown(tag):
    assert is_safe_tag(tag)


def test_all_tags_of_the_drawn_set_are_shown():
    config = load_config("smoke")
    tags = [draw_picture(config, i, 32).exact for i in range(200)]
    names = {tag for own in tags for field in dataclasses.astuple(own)[:3] for tag in field}
    assert len(names) > 200
    assert [name for name in names if not is_safe_tag(name)] == []
