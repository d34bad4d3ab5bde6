"""Which tags may be shown where anybody may look: a booru's vocabulary holds sexual and violent terms."""

from __future__ import annotations

import re

# Words of tags that are sexual, bare the body, or are cruel; a tag is hidden if it has one of them. Hiding one too many
# does less harm than showing one. Each stands for its plural, too; `*` for any letters, `-` for a gap that may be left
# out. A word is without `*` where ordinary words begin or end like it: analog, assassin, butter, cocktail, condominium,
# document, kingdom, pantyhose, peacock, sextant.
_WORDS = """
ahegao* anal anally anilingus analingus anus areola* ass asses asshole* ass-less bdsm bestialit* *bleed* blood bloody
bloodied blood-splatter blood-stain* blow-job* bondage *boob boobie boob-job* bottomless bra bra-less breast
breast-feed* breast-grab* bukkake bulge butt butt-hole butt-job* butt-plug buttock camel-toe *censor* cleavage clit
clitor* cock cock-ring condom corpse cream-pie crotch crotch-less cum cummed cumming cum-drip* cum-dump* cum-shot
cum-swap* cunnilingus cunt decapitat* deep-throat* dick dildo dismember* doggy-style doggie-style ejaculat* erect
erection exhibitionis* face-sit* fellati* femdom maledom fetish* fingering fisting flashing fondl* foot-job* foursome
*fuck* futa futanari gag gagged gang-bang* genital* gore gory grope groped groper groping guro hand-job* hentai*
incest* intestine kinbaku lactat* leg-spread* legs-spread lingerie loli lolicon masturbat* milf molest* naked* nipple*
nsfw nude nudity nudis* orgasm* orgies orgy paizuri pantie panty panty-shot panty-pull panty-less pastie pasty pee
peeing pegging penetrat* penis* piss* porn* pregnan* prostitut* pube pubic pussies pussy rape raped rapist rimming
scat semen seminude sex sexes sexy sex-toy sexual* shibari shota shotacon slave slavery slut slutty smegma spank*
sperm* spitroast* spread-leg spreading-leg strap-on striptease suicid* tentacle testic* thigh-job* threesome tit
titties titty tit-fuck* tit-job* toddlercon topless tortur* underwear undress* up-skirt urinat* urine vagina* vibrator
vore voyeur* vulva* whore yaoi yuri
"""


def _pattern(word: str) -> str:
    ending = "" if word.endswith("*") else "(?:e?s)?"
    return re.escape(word).replace(r"\*", r"\w*").replace(r"\-", " ?") + ending


HIDDEN = re.compile(rf"\b(?:{'|'.join(map(_pattern, _WORDS.split()))})\b")


def is_safe_tag(tag: str) -> bool:
    """Whether a tag has no word of :data:`HIDDEN`, whatever its case, and whatever stands between its words."""
    return not HIDDEN.search(" ".join(re.split(r"[\W_]+", tag.lower())))
