// TorchScript files: a module built from source text and tensors, a file run again to check it, and files that stay
// open to be called many times.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <sstream>
#include <unistd.h>

#include "registry.h"

namespace graft {

namespace {

using torch::jit::Module;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) result.push_back(line);
  return result;
}

/// A tree of modules by path: `main.0.weight` is the attribute `weight` of `0` in `main`.
struct Tree {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::vector<std::pair<std::string, Tree>> children;

  void put(const std::string& path, const at::Tensor& tensor) {
    const auto dot = path.find('.');
    if (dot == std::string::npos) {
      tensors.emplace_back(path, tensor);
      return;
    }
    const std::string name = path.substr(0, dot);
    auto child = children.begin();
    while (child != children.end() && child->first != name) ++child;
    if (child == children.end()) child = children.insert(child, {name, Tree()});
    child->second.put(path.substr(dot + 1), tensor);
  }

  // Each module a class of its own, since TorchScript's types are nominal.
  Module build(const std::string& className) const {
    Module module(className);
    for (const auto& [name, tensor] : tensors) module.register_parameter(name, tensor.detach(), !tensor.requires_grad());
    for (const auto& [name, child] : children) module.register_module(name, child.build(className + "_" + name));
    return module;
  }
};

/// A file that takes bytes without end: libtorch's writer of archives ends the process when it is told of a full disk in
/// the middle. The first thing that went wrong is kept, and what comes after is dropped.
class File {
 public:
  explicit File(const std::string& path) : descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (descriptor < 0) error = errno;
  }
  ~File() { finish(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  size_t take(const void* data, size_t size) {
    for (size_t done = 0; error == 0 && done < size;) {
      const ssize_t count = write(descriptor, static_cast<const char*>(data) + done, size - done);
      if (count >= 0) done += static_cast<size_t>(count);
      else if (errno != EINTR) error = errno;
    }
    return size;
  }

  /// 0, or the number of what went wrong.
  int finish() {
    if (descriptor >= 0 && close(descriptor) != 0 && error == 0) error = errno;
    descriptor = -1;
    return error;
  }

 private:
  int descriptor;
  int error = 0;
};

/// saveScript(path, source of forward, names a line, metadata as JSON) → 0, or the system's error number: the tensors'
/// handles are in the exchange. What requires gradients becomes a parameter, the rest buffers. Written through a function,
/// the archive's root is called `archive` whatever the file is: two exports are the same, byte for byte.
napi_value saveScript(Call& call) {
  Tree tree;
  size_t position = 0;
  for (const auto& name : lines(call.string(2))) {
    tree.put(name, call.registry.get(call.registry.at(position++)));
  }
  Module module = tree.build("__torch__.graft.Network");
  module.define(call.string(1));
  module.eval();
  File file(call.string(0));
  torch::jit::ExportModule(
      module, [&file](const void* data, size_t size) { return file.take(data, size); },
      {{"metadata.json", call.string(3)}});
  return toNumber(call.env, file.finish());
}

std::vector<c10::IValue> takeInputs(Call& call, size_t count) {
  std::vector<c10::IValue> inputs;
  for (size_t i = 0; i < count; i++) inputs.emplace_back(call.registry.get(call.registry.at(i)));
  return inputs;
}

/// A tensor, or a tuple's or list's tensors, into the exchange → their number.
napi_value giveOutputs(Call& call, const c10::IValue& result) {
  std::vector<c10::IValue> outputs;
  if (result.isTuple()) outputs = result.toTupleRef().elements().vec();
  else if (result.isList()) outputs = result.toListRef().vec();
  else outputs = {result};
  for (size_t i = 0; i < outputs.size(); i++) call.registry.at(i) = call.registry.put(outputs[i].toTensor());
  return toNumber(call.env, static_cast<double>(outputs.size()));
}

/// runScript(path, inputs): input handles in the exchange; the outputs' come back in it → their number.
napi_value runScript(Call& call) {
  auto inputs = takeInputs(call, static_cast<size_t>(call.number(1)));
  return giveOutputs(call, torch::jit::load(call.string(0)).forward(std::move(inputs)));
}

/// Files that are open, by number. A JavaScript environment stays in its thread.
thread_local std::map<int64_t, Module> openModules;
thread_local int64_t lastModule = 0;

/// openScript(path, device) → number. Loaded onto the device whatever the file was saved from, for evaluation.
napi_value openScript(Call& call) {
  Module module = torch::jit::load(call.string(0), c10::Device(call.string(1)));
  module.eval();
  openModules.emplace(++lastModule, std::move(module));
  return toNumber(call.env, static_cast<double>(lastModule));
}

/// callScript(number, inputs): as runScript. A flag `return_features` of its forward is set: networks that metrics are
/// published with give class probabilities without it.
napi_value callScript(Call& call) {
  const auto found = openModules.find(static_cast<int64_t>(call.number(0)));
  if (found == openModules.end()) throw FreedHandle("the TorchScript file was closed");
  auto inputs = takeInputs(call, static_cast<size_t>(call.number(1)));
  std::unordered_map<std::string, c10::IValue> flags;
  if (found->second.get_method("forward").function().getSchema().argumentIndexWithName("return_features"))
    flags.emplace("return_features", true);
  return giveOutputs(call, found->second.forward(std::move(inputs), flags));
}

napi_value closeScript(Call& call) {
  openModules.erase(static_cast<int64_t>(call.number(0)));
  return undefined(call.env);
}

}  // namespace

std::vector<Method> scriptMethods() {
  return {
      {"saveScript", method<saveScript>},
      {"runScript", method<runScript>},
      {"openScript", method<openScript>},
      {"callScript", method<callScript>},
      {"closeScript", method<closeScript>},
  };
}

}  // namespace graft
