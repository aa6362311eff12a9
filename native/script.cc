// TorchScript files: a module built from source text and tensors, and a file run again to check it.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/serialization/import.h>

#include <sstream>

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

/// saveScript(path, source of forward, names a line, metadata as JSON): the tensors' handles are in the exchange. What
/// requires gradients becomes a parameter, the rest buffers.
napi_value saveScript(Call& call) {
  Tree tree;
  size_t position = 0;
  for (const auto& name : lines(call.string(2))) {
    tree.put(name, call.registry.get(call.registry.at(position++)));
  }
  Module module = tree.build("__torch__.graft.Network");
  module.define(call.string(1));
  module.eval();
  module.save(call.string(0), {{"metadata.json", call.string(3)}});
  return undefined(call.env);
}

/// runScript(path, inputs): input handles in the exchange; the outputs' come back in it → their number.
napi_value runScript(Call& call) {
  std::vector<c10::IValue> inputs;
  for (size_t i = 0; i < static_cast<size_t>(call.number(1)); i++) {
    inputs.emplace_back(call.registry.get(call.registry.at(i)));
  }
  const auto result = torch::jit::load(call.string(0)).forward(std::move(inputs));
  const auto outputs = result.isTuple() ? result.toTupleRef().elements().vec() : std::vector<c10::IValue>{result};
  for (size_t i = 0; i < outputs.size(); i++) call.registry.at(i) = call.registry.put(outputs[i].toTensor());
  return toNumber(call.env, static_cast<double>(outputs.size()));
}

}  // namespace

std::vector<Method> scriptMethods() {
  return {
      {"saveScript", method<saveScript>},
      {"runScript", method<runScript>},
  };
}

}  // namespace graft
