"""What slixmpp's XEP-0045 plugin keeps of each occupant: reads presences as XML, one a line, from stdin."""
import gc
import json
import sys
import tracemalloc
import xml.etree.ElementTree as ET

import slixmpp

client = slixmpp.ClientXMPP("bot@example.org/openclaw", "none")
client.register_plugin("xep_0045")
client.register_plugin("xep_0115")
muc = client["xep_0045"]
room = sys.argv[1]
muc.rooms[room] = {}
muc.our_nicks[room] = "bot"
# Its listeners get events; none of ours keeps anything.
client.event = lambda *args, **kwargs: None


def read(line):
    xml = line.replace("<presence ", "<presence xmlns='jabber:client' ", 1)
    muc._handle_groupchat_presence(slixmpp.Presence(stream=client, xml=ET.fromstring(xml)))


lines = sys.stdin.read().splitlines()
read(lines[0])
muc.rooms[room].clear()
gc.collect()
tracemalloc.start()
before, _ = tracemalloc.get_traced_memory()
for line in lines:
    read(line)
gc.collect()
after, _ = tracemalloc.get_traced_memory()
kept = len(muc.rooms[room])
print(json.dumps({"bytes": (after - before) / len(lines), "kept": kept}))
