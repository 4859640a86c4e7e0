"""An independent XMPP client for the tests, driven over JSON lines.

Commands come in on standard input, one JSON object a line: {"id": 1, "do": "...", ...}.
Each is answered on standard output by {"event": "done", "id": 1, ...} or
{"event": "failed", "id": 1, "error": "..."}. Everything the server sends is reported as
{"event": "message" | "presence" | "iq", ..., "xml": "<raw/>"}.
"""

import asyncio
import json
import sys
from xml.etree import ElementTree

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream import tostring
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath


def report(event, **facts):
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def stanza_facts(stanza):
    xml = stanza.xml
    facts = {
        "from": str(stanza["from"]),
        "to": str(stanza["to"]),
        "type": xml.get("type") or "",
        "stanzaId": xml.get("id") or "",
        "xml": tostring(xml),
    }
    body = xml.find("{jabber:client}body")
    if body is not None:
        facts["body"] = own_words(xml, body.text or "")
    return facts


def own_words(xml, text):
    """Without what it quotes for clients that know no replies (XEP-0461 3.1, XEP-0428)."""
    for fallback in xml.findall("{urn:xmpp:fallback:0}fallback"):
        part = fallback.find("{urn:xmpp:fallback:0}body")
        if fallback.get("for") == "urn:xmpp:reply:0" and part is not None and part.get("end"):
            return text[: int(part.get("start") or 0)] + text[int(part.get("end")) :]
    return text


class Client(ClientXMPP):
    """Reports what arrives; does nothing by itself but answer pings and disco queries."""

    def __init__(self, jid, password, auto_subscribe, corrections=False):
        super().__init__(jid, password)
        self.auto_authorize = True if auto_subscribe else None
        self.auto_subscribe = bool(auto_subscribe)
        for plugin in ("xep_0030", "xep_0045", "xep_0115", "xep_0198", "xep_0199", "xep_0280"):
            self.register_plugin(plugin)
        if corrections:
            self.register_plugin("xep_0308")
        for name in ("message", "presence", "iq"):
            matcher = MatchXPath("{jabber:client}%s" % name)
            self.register_handler(Callback("report " + name, matcher, self.report_stanza))

    def report_stanza(self, stanza):
        report(stanza.name, **stanza_facts(stanza))
        self.event("any " + stanza.name, stanza)


class Driver:
    def __init__(self):
        self.client = None

    async def connect(self, jid, password, host, port, ca, directTls=False, autoSubscribe=True, presence=True, corrections=False):
        last, self.client = self.client, Client(jid, password, autoSubscribe, corrections)
        if last is not None:
            last.cancel_connection_attempt()
            last.abort()
        client = self.client

        def ended(reason):
            if client is self.client:
                report("disconnected", reason=str(reason))

        client.add_event_handler("disconnected", ended)
        client.ca_certs = ca
        client.reconnect = lambda *_: None
        context = client.get_ssl_context()
        context.load_verify_locations(ca)
        ready = asyncio.get_running_loop().create_future()

        def settle(error=None):
            if not ready.done():
                ready.set_exception(RuntimeError(error)) if error else ready.set_result(None)

        client.add_event_handler("session_start", lambda _: settle())
        client.add_event_handler("failed_all_auth", lambda _: settle("the server refused the password"))
        client.add_event_handler("connection_failed", lambda why: settle("connection failed: %s" % why))
        client.add_event_handler("disconnected", lambda why: settle("disconnected: %s" % why))
        client.connect((host, port), use_ssl=directTls, force_starttls=not directTls, disable_starttls=directTls)
        try:
            await asyncio.wait_for(ready, 20)
        except BaseException:
            client.cancel_connection_attempt()
            raise
        await client.get_roster()
        if presence:
            if corrections:
                # Without it slixmpp announces nothing; with it, also that it is a bot.
                await client.plugin["xep_0115"].update_caps(broadcast=False)
            client.send_presence()
        return {"jid": str(client.boundjid)}

    async def send(self, to, body=None, type="chat", extra="", messageId=None):
        """A message; `extra` is raw XML put beside the body."""
        message = self.client.make_message(mto=to, mbody=body, mtype=type)
        message["id"] = messageId or self.client.new_id()
        for child in ElementTree.fromstring("<x>%s</x>" % extra):
            message.xml.append(child)
        message.send()
        return {"stanzaId": message["id"]}

    async def join(self, room, nick, password=None, timeout=10):
        """slixmpp itself overlooks refusals that do not repeat the join, as Prosody's, and times out."""
        muc = self.client.plugin["xep_0045"]
        refused = asyncio.get_running_loop().create_future()

        def refuse(presence):
            if presence["type"] == "error" and presence["from"].bare == room and not refused.done():
                refused.set_exception(RuntimeError("%s refused: %s" % (room, presence["error"]["condition"])))

        self.client.add_event_handler("any presence", refuse)
        joined = asyncio.ensure_future(
            muc.join_muc_wait(room, nick, password=password, maxstanzas=0, timeout=timeout)
        )
        try:
            await asyncio.wait({refused, joined}, return_when=asyncio.FIRST_COMPLETED)
            (refused if refused.done() else joined).result()
        finally:
            self.client.del_event_handler("any presence", refuse)
            joined.cancel()
            refused.cancel()
        return {}

    async def leave(self, room, nick):
        """Resolves when we are out: what of the room came after a new join would make slixmpp stumble, and be put out."""
        gone = asyncio.get_running_loop().create_future()

        def see(presence):
            codes = presence["muc"]["status_codes"]
            if presence["type"] == "unavailable" and presence["from"].bare == room and 110 in codes:
                gone.done() or gone.set_result(None)

        self.client.add_event_handler("any presence", see)
        try:
            self.client.plugin["xep_0045"].leave_muc(room, nick)
            await asyncio.wait_for(gone, 10)
        finally:
            self.client.del_event_handler("any presence", see)
        return {}

    async def presence(self, to=None, type=None, show=None, status=None):
        self.client.send_presence(pto=to, ptype=type, pshow=show, pstatus=status)
        return {}

    async def raw(self, xml):
        self.client.send_raw(xml)
        return {}

    async def iq(self, to, type, payload, timeout=10):
        """An iq get or set; answers with the raw result, an error stanza included."""
        iq = self.client.Iq()
        iq["to"] = to
        iq["type"] = type
        for child in ElementTree.fromstring("<x>%s</x>" % payload):
            iq.xml.append(child)
        try:
            answer = await iq.send(timeout=timeout)
        except IqError as error:
            answer = error.iq
        return {"xml": tostring(answer.xml), "type": answer["type"]}

    def adhoc(self):
        """As Gajim has it: the plugin finds commands and reads their forms (XEP-0050, XEP-0004)."""
        if "xep_0050" not in self.client.plugin:
            self.client.register_plugin("xep_0050")
        return self.client.plugin["xep_0050"]

    async def commands(self, jid):
        """The menu of ad-hoc commands."""
        answer = await self.adhoc().get_commands(jid, timeout=10)
        items = answer["disco_items"]["items"]
        return {"commands": [{"jid": str(at), "node": node, "name": name} for at, node, name in items]}

    async def command(self, jid, node, values):
        """Runs an ad-hoc command to its end, its form filled in with `values`."""
        adhoc = self.adhoc()
        offered = {}
        try:
            answer = await adhoc.send_command(jid, node, timeout=30)
            command = answer["command"]
            if command["status"] == "executing":
                for name, field in command["form"].get_fields().items():
                    offered[name] = [option["value"] for option in field["options"]]
                form = self.client.plugin["xep_0004"].make_form(ftype="submit")
                for name, value in values.items():
                    form.add_field(var=name, value=value)
                answer = await adhoc.send_command(
                    jid, node, action="complete", payload=form, sessionid=command["sessionid"], timeout=30
                )
        except IqError as error:
            return {"refused": error.condition, "text": error.text or ""}
        command = answer["command"]
        form = command["form"]
        return {
            "status": command["status"],
            "notes": [list(note) for note in command["notes"]],
            "offered": offered,
            "values": {name: field["value"] for name, field in form.get_fields().items()},
            "items": form.get_items(),
        }

    async def disconnect(self):
        await self.client.disconnect(wait=2)
        return {}


async def answer(driver, command):
    number = command.pop("id")
    action = command.pop("do")
    try:
        facts = await getattr(driver, action)(**command)
        report("done", id=number, **facts)
    except IqTimeout:
        report("failed", id=number, error="no answer in time")
    except Exception as error:  # reported to the test, which decides
        report("failed", id=number, error="%s: %s" % (type(error).__name__, error))


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    driver = Driver()
    report("ready")
    running = set()
    while line := await reader.readline():
        task = asyncio.ensure_future(answer(driver, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
