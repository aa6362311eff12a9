import { expect, test } from 'vitest';
import { TorchError } from '../base/errors.js';
import { aten, liveTensors, randn, type Tensor, unsafeAten, zeros } from './index.js';
import { tidy } from './scope.js';

/** Operators that end the process, or never end, when their arguments make no sense. */
const hostile = [
  '_stack',
  'align_tensors',
  'native_channel_shuffle',
  'reflection_pad1d_backward',
  'max_unpool2d',
  '_fft_c2r',
  'quantized_lstm_cell',
  '_symeig_helper',
  'choose_qparams_optimized',
  'special_shifted_chebyshev_polynomial_v',
];

test('the door’s operators are those that were tried; the raw list says so in its name', () => {
  const offered = Object.keys(aten);
  for (const name of hostile) {
    expect(offered).not.toContain(name);
    expect((aten as unknown as Record<string, unknown>)[name]).toBeUndefined();
    expect(typeof (unsafeAten as unknown as Record<string, unknown>)[name]).toBe('function');
  }
  expect(offered.length).toBeGreaterThan(150);
  tidy(() => expect(aten.add.Scalar(zeros([2]), 3).toArray()).toEqual(new Float32Array([3, 3])));
});

/** Each ended the process before its arguments were looked at. */
const calls: Record<string, [call: () => unknown, message: RegExp]> = {
  'no tensors to stack': [
    () => unsafeAten._stack([], 0),
    /aten::_stack: argument 'tensors': expected at least one/,
  ],
  'no tensors to align': [() => unsafeAten.align_tensors([]), /expected at least one tensor/],
  'no groups': [
    () => unsafeAten.native_channel_shuffle(zeros([2, 3, 4, 4]), 0),
    /argument 'groups': expected an integer from 1 to 2³¹ − 1, got 0/,
  ],
  'a factor that overflows': [() => unsafeAten.pixel_shuffle(zeros([2, 0, 5]), 2 ** 40), /'upscale_factor'/],
  'no padding': [
    () => unsafeAten.reflection_pad1d_backward(zeros([4]), zeros([0]), []),
    /argument 'padding': expected 2 elements, got 0/,
  ],
  'no output size': [
    () => unsafeAten.max_unpool2d(zeros([2, 3, 4]), zeros([16, 1], { dtype: 'int64' }), []),
    /argument 'output_size': expected 2 elements, got 0/,
  ],
  'four paddings for three': [
    () =>
      unsafeAten.slow_conv3d_forward(zeros([3, 3]), zeros([1, 16]), [1, 1, 1, 1], null, [1, 1, 1], [0, 0, 0]),
    /'kernel_size': expected 3 elements, got 4/,
  ],
  'two of three answers': [
    () =>
      unsafeAten.native_batch_norm_backward(
        ...([
          zeros([1, 2]),
          zeros([1, 2]),
          null,
          null,
          null,
          null,
          null,
          true,
          1e-5,
          [true, false],
        ] as const as unknown as Parameters<typeof unsafeAten.native_batch_norm_backward>),
      ),
    /'output_mask': expected 3 elements, got 2/,
  ],
};

test.each(Object.entries(calls))('%s', (_, [call, message]) => {
  const before = liveTensors();
  tidy(() => {
    expect(call).toThrow(TorchError);
    expect(call).toThrow(message);
  });
  expect(liveTensors()).toBe(before);
});

test('a list of one stands for all, and a list that may be left out may be empty', () => {
  tidy(() => {
    const [x, w] = [randn([1, 2, 6, 6]), randn([3, 2, 3, 3])];
    const same = (a: Tensor, b: Tensor): void => expect(a.toArray()).toEqual(b.toArray());
    same(aten.conv2d(x, w, null, [2], [1]), aten.conv2d(x, w, null, [2, 2], [1, 1]));
    same(aten.max_pool2d(x, 2, []), aten.max_pool2d(x, [2, 2]));
    same(aten.avg_pool2d(x, [2], []), aten.avg_pool2d(x, 2, 2));
  });
});
