/**
 * TensorBoard's messages, as far as curves, pictures and settings need them. Field numbers are those of
 * tensorboard/compat/proto/{event,summary}.proto and tensorboard/plugins/hparams/{plugin_data,api}.proto; ones that never
 * change, since old logs must stay readable. Numbers are written as `simple_value`, which every version reads.
 */
import { Message } from 'graft-torch/export';
import type { Setting } from './runs.js';
import { tfRecord } from './tfrecord.js';

/** One value under a tag. */
export type TaggedValue =
  | { tag: string; scalar: number }
  | { tag: string; png: Uint8Array; width: number; height: number };

const VERSION = 'brain.Event:2';

/** How many channels a picture has; TensorBoard shows the file itself and only stores this. */
const RGB = 3;

/** What a log begins with. @param seconds since 1970 */
export const versionRecord = (seconds: number): Uint8Array[] =>
  tfRecord(new Message().double(1, seconds).text(3, VERSION).chunks);

/** All values of one step. @param at.seconds since 1970 */
export function valuesRecord(
  at: { seconds: number; step: number },
  values: readonly TaggedValue[],
): Uint8Array[] {
  const summary = new Message();
  for (const value of values) summary.message(1, valueMessage(value));
  return eventRecord(at, summary);
}

function eventRecord({ seconds, step }: { seconds: number; step: number }, summary: Message): Uint8Array[] {
  const event = new Message().double(1, seconds);
  // Protocol Buffers leave zeros out.
  if (step !== 0) event.integer(2, step);
  return tfRecord(event.message(5, summary).chunks);
}

function valueMessage(value: TaggedValue): Message {
  const message = new Message().text(1, value.tag);
  if ('scalar' in value) return message.float(2, value.scalar);
  const image = new Message()
    .integer(1, value.height)
    .integer(2, value.width)
    .integer(3, RGB)
    .bytes(4, value.png);
  return message.message(4, image);
}

/** STATUS_SUCCESS, STATUS_FAILURE and STATUS_RUNNING of the hparams plugin. */
const STATUS = { finished: 1, stopped: 2, running: 3 } as const;
export type SessionStatus = keyof typeof STATUS;

/** A run's settings, for the tab that compares runs by them. */
export function settingsRecord(seconds: number, settings: Readonly<Record<string, Setting>>): Uint8Array[] {
  const session = new Message();
  for (const [name, setting] of Object.entries(settings))
    session.message(1, new Message().text(1, name).message(2, settingMessage(setting)));
  session.double(5, seconds);
  return pluginRecord(seconds, '_hparams_/session_start_info', new Message().message(3, session));
}

/** How the run ended, and when. */
export function statusRecord(seconds: number, status: SessionStatus): Uint8Array[] {
  const session = new Message().integer(1, STATUS[status]).double(2, seconds);
  return pluginRecord(seconds, '_hparams_/session_end_info', new Message().message(4, session));
}

/** google.protobuf.Value. */
function settingMessage(setting: Setting): Message {
  const value = new Message();
  if (typeof setting === 'number') return value.double(2, setting);
  return typeof setting === 'string' ? value.text(3, setting) : value.integer(4, setting ? 1 : 0);
}

function pluginRecord(seconds: number, tag: string, content: Message): Uint8Array[] {
  const plugin = new Message().text(1, 'hparams').bytes(2, Buffer.concat(content.chunks));
  const value = new Message().text(1, tag).message(9, new Message().message(1, plugin));
  return eventRecord({ seconds, step: 0 }, new Message().message(1, value));
}
