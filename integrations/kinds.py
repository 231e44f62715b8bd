"""The kinds of partners that can be connected by people: what each asks for, and how its adapter is made."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.addresses import AddressRefused, check_base
from integrations.dt_one import account as dt_one
from integrations.dt_one.adapter import DtOne
from integrations.reloadly import account as reloadly
from integrations.reloadly.adapter import Reloadly
from integrations.tmf654 import adapter as tmf654
from voucher_service.errors import N_
from voucher_service.fulfilment.kinds import BadSetting, Kind, Plan, Question
from voucher_service.fulfilment.providers import Operator
from voucher_service.ids import utc_now

_ADDRESS: Final = {
    "address_unreadable": N_("Écrivez l’adresse complète, comme https://api.operateur.example."),
    "address_not_https": N_("L’adresse doit commencer par https:// (http:// seulement pour un essai)."),
    "address_has_login": N_("Retirez l’identifiant et le mot de passe de l’adresse : ils ont leurs propres champs."),
    "address_has_query": N_("Retirez de l’adresse tout ce qui suit « ? » ou « # »."),
}
_YES_NO: Final = (("yes", N_("Oui")), ("no", N_("Non")))
_CUT_OFF: Final = Question(
    name="cut_off",
    label=N_("Heures jusqu’à son relevé"),
    default="24",
    hint=N_("Après ce délai sans réponse claire, on ne demande plus : son relevé décide, sinon deux personnes."),
)


def _checked(base: str, *, field: str, private: bool) -> str:
    try:
        check_base(base, private=private)
    except AddressRefused as fault:
        raise BadSetting(field, _ADDRESS[str(fault)]) from fault
    return base


def _plain(plan: Plan, name: str) -> str:
    text = plan.secrets.get(name, "") or plan.settings.get(name, "")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise BadSetting(name, N_("Ce champ contient un espace ou un signe inattendu : recopiez-le tel que reçu."))
    return text


def _cut_off(plan: Plan) -> timedelta:
    text = plan.settings.get("cut_off", _CUT_OFF.default)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= 168):
        raise BadSetting("cut_off", N_("Écrivez un nombre d’heures entre 1 et 168 (une semaine)."))
    return timedelta(hours=int(text))


def _country(plan: Plan, letters: int) -> str:
    text = plan.settings["country"].upper()
    if len(text) != letters or not text.isascii() or not text.isalpha():
        two, three = (
            N_("Écrivez le code du pays en deux lettres, comme FR."),
            N_("Écrivez-le en trois lettres, comme FRA."),
        )
        raise BadSetting("country", two if letters == 2 else three)
    return text


_RELOADLY_QUESTIONS: Final = (
    Question(
        name="auth_base",
        label=N_("Adresse où l’on s’identifie"),
        default="https://auth.reloadly.com",
    ),
    Question(
        name="audience",
        label=N_("Audience"),
        default="https://topups.reloadly.com",
        hint=N_("L’adresse du service pour laquelle les identifiants sont valables."),
    ),
    Question(name="client_id", label=N_("Identifiant du client"), secret=True),
    Question(name="client_secret", label=N_("Secret du client"), secret=True),
    Question(name="country", label=N_("Pays"), default="FR"),
    Question(
        name="local_amount",
        label=N_("Montants dans la monnaie du pays du numéro"),
        options=_YES_NO,
        default="yes",
    ),
    Question(
        name="wait",
        label=N_("Attendre le résultat à chaque envoi"),
        options=_YES_NO,
        default="no",
        hint=N_("Sinon l’envoi est accepté aussitôt, et le résultat demandé ensuite."),
    ),
    Question(
        name="zone",
        label=N_("Fuseau horaire de ses relevés"),
        default="America/New_York",
        hint=N_("Ses dates n’en disent rien : demandez-le à votre interlocuteur."),
    ),
    _CUT_OFF,
)


def _a_reloadly(plan: Plan, *, may: bool, now: Callable[[], datetime]) -> Operator:
    try:
        zone = ZoneInfo(plan.settings["zone"]).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise BadSetting("zone", N_("Écrivez un fuseau comme America/New_York ou Europe/Paris.")) from fault
    config = reloadly.Config(
        base=_checked(plan.base, field="base", private=may),
        auth_base=_checked(plan.settings["auth_base"], field="auth_base", private=may),
        audience=_plain(plan, "audience"),
        country=_country(plan, 2),
        zone=zone,
        wait=plan.settings["wait"] == "yes",
        local_amount=plan.settings["local_amount"] == "yes",
        cut_off=_cut_off(plan),
        private=may,
    )
    return Reloadly(
        config,
        client_id=_plain(plan, "client_id"),
        client_secret=_plain(plan, "client_secret"),
        name=plan.route,
        now=now,
    )


_DT_ONE_QUESTIONS: Final = (
    Question(name="key", label=N_("Clé d’accès"), secret=True),
    Question(name="secret", label=N_("Secret"), secret=True),
    Question(name="country", label=N_("Pays"), default="FRA"),
    Question(
        name="call_back",
        label=N_("Lui donner l’adresse où il nous rappelle"),
        options=_YES_NO,
        default="yes",
        hint=N_("Sans elle, tout se sait en demandant, un peu plus tard."),
    ),
    Question(
        name="two_steps",
        label=N_("Envoyer en deux temps : commander, puis confirmer"),
        options=_YES_NO,
        default="no",
        hint=N_(
            "Conseillé : une commande perdue avant d’être confirmée ne livre rien et repart sans risque. En un seul "
            "temps, une commande perdue attend un jour, puis deux personnes."
        ),
    ),
    _CUT_OFF,
)


def _a_dt_one(plan: Plan, *, may: bool, now: Callable[[], datetime]) -> Operator:
    config = dt_one.Config(
        base=_checked(plan.base, field="base", private=may),
        country=_country(plan, 3),
        callback_url=plan.callback if plan.settings.get("call_back", "yes") == "yes" else "",
        confirm_later=plan.settings.get("two_steps") == "yes",
        cut_off=_cut_off(plan),
        private=may,
    )
    return DtOne(config, key=_plain(plan, "key"), secret=_plain(plan, "secret"), name=plan.route, now=now)


_TMF654_QUESTIONS: Final = (
    Question(
        name="auth",
        label=N_("Comment on s’identifie"),
        options=(("bearer", N_("Jeton (Bearer)")), ("basic", N_("Identifiant et mot de passe (Basic)"))),
        default="bearer",
    ),
    Question(name="login", label=N_("Identifiant"), required=False, hint=N_("Seulement avec un mot de passe.")),
    Question(name="secret", label=N_("Jeton ou mot de passe"), secret=True),
    Question(name="party_account", label=N_("Notre compte chez l’opérateur")),
    Question(
        name="bucket",
        label=N_("Compteur à recharger"),
        default="{number}",
        hint=N_("« {number} » est remplacé par le numéro de la personne."),
    ),
    Question(
        name="codes",
        label=N_("Ses codes de refus"),
        required=False,
        long=True,
        hint=N_(
            "Un par ligne : statut, code, sens (beneficiary, partner_precondition, refused_final, duplicate, "
            "transient_before_send). Ce qui n’y est pas reste « sans réponse »."
        ),
    ),
    _CUT_OFF,
)


def _a_tmf654(plan: Plan, *, may: bool, now: Callable[[], datetime]) -> Operator:
    try:
        codes = tmf654.parse_codes(plan.settings["codes"])
    except ValueError as fault:
        message = N_("Une ligne ne se lit pas : écrivez par exemple « 400 21 beneficiary », une par ligne.")
        raise BadSetting("codes", message) from fault
    config = tmf654.Config(
        base=_checked(plan.base, field="base", private=may),
        party_account=plan.settings["party_account"],
        bucket=plan.settings["bucket"],
        codes=codes,
        cut_off=_cut_off(plan),
        private=may,
    )
    return tmf654.Tmf654(config, headers=_headers(plan), name=plan.route, now=now)


def _headers(plan: Plan) -> Mapping[str, str]:
    secret = _plain(plan, "secret")
    if plan.settings["auth"] == "bearer":
        return {"authorization": f"Bearer {secret}"}
    login = _plain(plan, "login")
    if not login:
        raise BadSetting("login", N_("Remplissez l’identifiant : il va avec le mot de passe."))
    return {"authorization": "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()}


def build_kinds(*, private_addresses: bool, now: Callable[[], datetime] = utc_now) -> Mapping[str, Kind]:
    """Return the kinds by name. `private_addresses` lets connections marked as trials lead to this network."""

    def made(build: Callable[..., Operator], plan: Plan) -> Operator:
        return build(plan, may=plan.trial and private_addresses, now=now)

    kinds = (
        Kind(
            name="reloadly",
            label="Reloadly",
            bases=("https://topups.reloadly.com", "https://topups-sandbox.reloadly.com"),
            questions=_RELOADLY_QUESTIONS,
            build=partial(made, _a_reloadly),
        ),
        Kind(
            name="dt_one",
            label="DT One",
            bases=("https://dvs-api.dtone.com/v1", "https://preprod-dvs-api.dtone.com/v1"),
            questions=_DT_ONE_QUESTIONS,
            build=partial(made, _a_dt_one),
        ),
        Kind(
            name="tmf654",
            label=N_("Opérateur direct (TMF654)"),
            bases=(),
            questions=_TMF654_QUESTIONS,
            build=partial(made, _a_tmf654),
        ),
    )
    return {kind.name: kind for kind in kinds}
