"""Which tags may be shown to whoever looks over a shoulder: a booru's vocabulary holds sexual and violent terms."""

from __future__ import annotations

import re

# Words of tags that are sexual, bare the body, or are cruel. A tag is hidden if it has one of them; what is hidden too
# much does less harm than what is shown too much.
_WORDS = """
anal anus areola areolae areolas ass bdsm bestiality blood bloody blowjob bondage boob boobs bra bras breast breasts
buttjob butt bulge cameltoe censor censored censoring cleavage clitoris cock corpse crotch cum cunnilingus
decapitation dildo ejaculation erect erection exhibitionism fellatio fingering flashing fondling futa futanari gag
gagged gore grope groping guro handjob incest intestines lactation lingerie loli lolicon masturbation molestation
naked nipple nipples nude nudity orgasm orgy paizuri panties panty pantyshot pasties peeing penetration penis
penises piss pregnant prostitution pubic pussy rape scat semen sex sextoys sexual shota shotacon slave spanking
spitroast suicide tentacles testicles threesome toddlercon topless bottomless torture underboob underwear undressing
upskirt vagina vaginal vibrator voyeurism vore yaoi yuri
"""
HIDDEN = frozenset(_WORDS.split())


def is_harmless(tag: str) -> bool:
    """Whether a tag has no word of :data:`HIDDEN`, whatever stands between its words."""
    return not HIDDEN.intersection(re.split(r"[\W_]+", tag.lower()))
