/**
 * Identifiers → pseudonyms: one identifier always gives the same pseudonym under the same salt, so patients and
 * studies stay apart, and nothing of the identifier can be read from it.
 *
 * HMAC-SHA-256 keyed with the salt. Who knows the salt can still try all identifiers of a small set (say, all
 * seven-digit numbers): a salt that is to protect must be secret. Without a salt, anyone can try.
 */
import { createHmac } from 'node:crypto';

function digest(salt: string, kind: string, value: string): Buffer {
  return createHmac('sha256', salt).update(`${kind}\0${value}`, 'utf8').digest();
}

/** 16 hex digits for an identifier; kinds (patient, lesion) do not share pseudonyms. */
export function pseudonym(salt: string, kind: string, value: string): string {
  return digest(salt, kind, value).toString('hex', 0, 8);
}

/** A UID for a UID: `2.25.` and a number of 128 bits, the form that DICOM PS3.5 B.2 derives from UUIDs. */
export function pseudonymUid(salt: string, uid: string): string {
  const bytes = digest(salt, 'uid', uid).subarray(0, 16);
  // Version 8 (custom) and variant of RFC 9562.
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}
