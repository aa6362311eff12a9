// Loops over libtorch's own threads.
#pragma once

#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

namespace graft {

/// Calls body(begin, end) for parts of [0, count) that begin at multiples of `grain`, on as many threads as libtorch was
/// told to use.
///
/// at::parallel_for is a template of the headers: without OpenMP in this compiler's flags it is a plain loop, and with it
/// a second pool of threads where libtorch brings its own OpenMP along, as its wheels do. An iterator over tensors runs
/// within libtorch.
template <typename Body>
void parallelFor(int64_t count, int64_t grain, const Body& body) {
  if (count <= 0) return;
  const int64_t parts = (count + grain - 1) / grain;
  if (parts == 1) return body(0, count);
  const at::Tensor places = at::empty({parts}, at::kByte);  // only the addresses are used
  const char* start = static_cast<const char*>(places.data_ptr());
  auto iterator =
      at::TensorIteratorConfig().check_all_same_dtype(false).add_output(places).resize_outputs(false).build();
  iterator.for_each(
      [&](char** data, const int64_t*, int64_t size) {
        const int64_t begin = data[0] - start;
        body(begin * grain, std::min((begin + size) * grain, count));
      },
      1);
}

}  // namespace graft
