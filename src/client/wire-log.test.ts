import { parse } from "ltx";
import { expect, it } from "vitest";
import { formatWire } from "./wire-log.ts";

const SECRET = "c2VjcmV0";

it.each([
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${SECRET}</auth>`,
  `<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${SECRET}</challenge>`,
  `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${SECRET}</response>`,
  `<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${SECRET}</success>`,
  `<authenticate xmlns='urn:xmpp:sasl:2'><initial-response>${SECRET}</initial-response></authenticate>`,
  `<success xmlns='urn:xmpp:sasl:2'><additional-data>${SECRET}</additional-data><token xmlns='urn:xmpp:fast:0' token='${SECRET}'/></success>`,
  `<iq type='set'><query xmlns='jabber:iq:auth'><username>u</username><password>${SECRET}</password></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:auth'><digest>${SECRET}</digest></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:register'><key>${SECRET}</key></query></iq>`,
  `<handshake xmlns='jabber:component:accept'>${SECRET}</handshake>`,
  `<iq type='set'><query xmlns='jabber:iq:register'><password>${SECRET}</password></query></iq>`,
  `<iq type='set'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data'><field var='password'><value>${SECRET}</value></field></x></query></iq>`,
  `<iq type='set'><x xmlns='jabber:x:data'><field type='text-private' var='a'><value>${SECRET}</value></field></x></iq>`,
  `<iq type='result'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://u/'><header name='Authorization'>${SECRET}</header></put></slot></iq>`,
  `<presence to='r@c/n'><x xmlns='http://jabber.org/protocol/muc'><password>${SECRET}</password></x></presence>`,
  `<message><x xmlns='http://jabber.org/protocol/muc#user'><invite/><password>${SECRET}</password></x></message>`,
  `<message><x xmlns='jabber:x:conference' jid='r@c' password='${SECRET}'/></message>`,
  `<iq><query xmlns='storage:bookmarks'><conference jid='r@c'><password>${SECRET}</password></conference></query></iq>`,
  `<iq type='result'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://u/?t=${SECRET}'/></slot></iq>`,
  `<iq type='result'><query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='r@c'><password>${SECRET}</password></conference></storage></query></iq>`,
  `<iq type='set'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:bookmarks:1'><item id='r@c'><conference xmlns='urn:xmpp:bookmarks:1'><password>${SECRET}</password></conference></item></publish></pubsub></iq>`,
  `<message><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:bookmarks:1'><item id='r@c'><b:conference xmlns:b='urn:xmpp:bookmarks:1'><b:password>${SECRET}</b:password></b:conference></item></items></event></message>`,
  `<message><u:x><u:invite/><u:password>${SECRET}</u:password></u:x></message>`,
  `<presence type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><destroy jid='s@c'><password>${SECRET}</password></destroy></x></presence>`,
  `<iq type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy jid='s@c'><password>${SECRET}</password></destroy></query></iq>`,
  `<iq type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomsecret'><value>${SECRET}</value></field></x></query></iq>`,
])("hides the secret of %s", (xml) => {
  const element = parse(xml);
  expect(formatWire("out", element)).not.toContain(SECRET);
  expect(element.toString()).toContain(SECRET); // what is sent stays as it is
});

it("reads any namespace, also one that is called like a method of objects", () => {
  const text = formatWire("in", parse("<message><x xmlns='constructor'>hello</x></message>"));
  expect(text).toContain("hello");
});

it("shows everything else", () => {
  const text = formatWire("in", parse("<message from='a@b'><body>hello</body></message>"));
  expect(text).toMatch(/^IN\n/);
  expect(text).toContain("hello");
});
