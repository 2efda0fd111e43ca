"""Names of months in the languages of spreadsheets and databases; a name may be cut after three letters or more."""

import unicodedata
from functools import lru_cache

#: January to December in one language a line; other forms of a month's name are joined by a stroke
_LANGUAGES = (
    "january february march april may june july august september october november december",
    "januar/jänner februar märz/mrz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août/aoû septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart/mrt april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar marts april maj juni juli august/avgust september oktober november december/desember",
    (
        "styczeń/stycznia luty/lutego marzec/marca kwiecień/kwietnia maj/maja czerwiec/czerwca lipiec/lipca "
        "sierpień/sierpnia wrzesień/września październik/października listopad/listopada grudzień/grudnia"
    ),
    (
        "leden/ledna únor/února březen/března duben/dubna květen/května červen/června/čvn červenec/července/čvc "
        "srpen/srpna září říjen/října listopad/listopadu prosinec/prosince"
    ),
    (
        "január február március/marec április/apríl május/máj június/jún július/júl augusztus szeptember október "
        "november december"
    ),
    "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "januari februari maret april mei juni juli agustus/agt september oktober november desember",
    (
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta "
        "marraskuuta joulukuuta"
    ),
    "jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember",
    (
        "январь/января февраль/февраля март/марта апрель/апреля май/мая июнь/июня июль/июля август/августа "
        "сентябрь/сентября октябрь/октября ноябрь/ноября декабрь/декабря"
    ),
    (
        "січень/січня лютий/лютого березень/березня квітень/квітня травень/травня червень/червня липень/липня "
        "серпень/серпня вересень/вересня жовтень/жовтня листопад/листопада грудень/грудня"
    ),
    (
        "ιανουάριος/ιανουαρίου φεβρουάριος/φεβρουαρίου μάρτιος/μαρτίου απρίλιος/απριλίου μάιος/μαΐου ιούνιος/ιουνίου "
        "ιούλιος/ιουλίου αύγουστος/αυγούστου σεπτέμβριος/σεπτεμβρίου οκτώβριος/οκτωβρίου νοέμβριος/νοεμβρίου "
        "δεκέμβριος/δεκεμβρίου"
    ),
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
)
_LEAST = 3  #: letters


def _plain(name: str) -> str:
    """Return a name in small letters without accents."""
    parts = unicodedata.normalize("NFD", name.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each)).replace("ı", "i")


def _numbers() -> dict[str, int]:
    """Return the month of each name and of each beginning that belongs to one month, or to one of English."""
    whole, cut = dict[str, int](), dict[str, set[int]]()
    for language in _LANGUAGES:
        for number, forms in enumerate(language.split(), start=1):
            for name in map(_plain, forms.split("/")):
                whole.setdefault(name, number)
                for end in range(_LEAST, len(name)):
                    cut.setdefault(name[:end], set()).add(number)
    english = {name[:_LEAST]: number for number, name in enumerate(_LANGUAGES[0].split(), start=1)}
    return {name: min(numbers) for name, numbers in cut.items() if len(numbers) == 1} | english | whole


_NUMBERS = _numbers()


@lru_cache(maxsize=4096)
def month_number(name: str) -> int:
    """Return 1 to 12 for a month's name, 0 for any other word."""
    return _NUMBERS.get(_plain(name), 0)
