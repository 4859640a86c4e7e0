import { describe, expect, it } from "vitest";
import type { DiscoInfo } from "./xep-0030-disco.ts";
import { encodeSlotRequest, findUploadService, HTTP_UPLOAD } from "./xep-0363-http-upload.ts";

describe("findUploadService", () => {
  const info = (formType: string, limit: string[]): DiscoInfo => ({
    identities: [],
    features: [HTTP_UPLOAD],
    forms: [{ formType, fields: [{ name: "max-file-size", values: limit }] }],
  });

  it.each<[string, DiscoInfo, { maxFileSize: number | undefined } | undefined]>([
    ["a limit", info(HTTP_UPLOAD, ["5242880"]), { maxFileSize: 5_242_880 }],
    ["no value", info(HTTP_UPLOAD, []), { maxFileSize: undefined }],
    ["words", info(HTTP_UPLOAD, ["much"]), { maxFileSize: undefined }],
    ["a negative limit", info(HTTP_UPLOAD, ["-1"]), { maxFileSize: undefined }],
    ["another form", info("urn:other", ["10"]), { maxFileSize: undefined }],
    ["no feature", { ...info(HTTP_UPLOAD, ["10"]), features: ["urn:xmpp:http:upload"] }, undefined],
  ])("reads %s", (_name, disco, expected) => {
    expect(findUploadService(disco)).toEqual(expected);
  });
});

it("asks for a slot", () => {
  const request = { filename: 'très "cool".jpg\u0000', size: 23_456, contentType: "image/jpeg" };
  expect(encodeSlotRequest(request).toString()).toBe(
    '<request xmlns="urn:xmpp:http:upload:0" filename="très &quot;cool&quot;.jpg" size="23456" content-type="image/jpeg"/>',
  );
  expect(encodeSlotRequest({ filename: "a", size: 0 }).attrs).not.toHaveProperty("content-type");
});
