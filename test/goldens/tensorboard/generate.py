"""Golden of the TensorBoard export, made by TensorBoard itself.

TensorBoard's own protobuf classes and its own record writer encode the events that the test encodes; the test compares
byte for byte, so that whatever TensorBoard reads of its own log it reads of Graft's. Then TensorBoard's readers load the
file once more, to be sure that the bytes say what they should.

    pip install tensorboard==2.21.0
    python generate.py > golden.json
"""
import base64, json, os, struct, sys, tempfile, zlib

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

T = 1_700_000_000.25


def png(width, height):
    """The smallest PNG of one grey."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = (b'\x00' + b'\x80' * (3 * width)) * height
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')


picture = png(3, 2)


def values(seconds, step, *content):
    return event_pb2.Event(wall_time=seconds, step=step, summary=summary_pb2.Summary(value=content))


def plugin(tag, data, seconds=T):
    meta = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name='hparams', content=data.SerializeToString()))
    return values(seconds, 0, summary_pb2.Summary.Value(tag=tag, metadata=meta))


def session(settings):
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=T)
    for name, setting in settings.items():
        field = {bool: 'bool_value', float: 'number_value', str: 'string_value'}[type(setting)]
        setattr(start.hparams[name], field, setting)
    return plugin_data_pb2.HParamsPluginData(session_start_info=start)


end = plugin_data_pb2.HParamsPluginData(
    session_end_info=plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=T + 9))

value = summary_pb2.Summary.Value
image = summary_pb2.Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=picture)
records = {
    'version': event_pb2.Event(wall_time=T, file_version='brain.Event:2'),
    'scalars': values(T + 1, 50, value(tag='losses/generatorLoss', simple_value=0.1),
                      value(tag='losses/discriminatorLoss', simple_value=float('nan')),
                      value(tag='Größe', simple_value=0.0)),
    'zero': values(T + 1, 0, value(tag='a', simple_value=-1.5)),
    'far': values(T + 2, 5_000_000_000, value(tag='a', simple_value=float('inf'))),
    'picture': values(T + 3, 300, value(tag='samples', image=image)),
    # A map's order is not fixed: one entry a message.
    'number': plugin('_hparams_/session_start_info', session({'batchSize': 16.0})),
    'text': plugin('_hparams_/session_start_info', session({'trial.arm': 'real+standard'})),
    'yes': plugin('_hparams_/session_start_info', session({'augment': True})),
    'end': plugin('_hparams_/session_end_info', end, T + 9),
}


class Bytes:
    def __init__(self):
        self.content = b''

    def write(self, piece):
        self.content += piece


def framed(event):
    out = Bytes()
    RecordWriter(out).write(event.SerializeToString())
    return out.content


folder = tempfile.mkdtemp()
with open(os.path.join(folder, 'events.out.tfevents.1700000000.graft'), 'wb') as file:
    for event in records.values():
        file.write(framed(event))
read = event_accumulator.EventAccumulator(folder)
read.Reload()
assert [e.step for e in read.Scalars('a')] == [0, 5_000_000_000]
assert read.Images('samples')[0].encoded_image_string == picture

json.dump({
    'tensorboard': __import__('tensorboard').__version__,
    'picture': base64.b64encode(picture).decode(),
    'records': {name: base64.b64encode(framed(event)).decode() for name, event in records.items()},
}, sys.stdout, indent=1)
print()
