// The whole operator library through one door: libtorch's boxed dispatcher.
//
// `resolve` looks an operator up by name and overload and describes its schema to JavaScript, which generates a
// packer from it; `call` unpacks the shared array by the same schema, runs the operator, and packs its results.
// Each argument starts with a tag: 0 = the schema's default, 1 = None, 2 = a value. Lists carry their length.
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <memory>
#include <sstream>

#include "registry.h"

namespace graft {

// Mirrored by `Kind` in src/torch/schema.ts.
enum class Kind : int {
  Tensor = 0,
  Scalar = 1,
  Int = 2,
  Float = 3,
  Bool = 4,
  Dtype = 5,
  Layout = 6,
  MemoryFormat = 7,
  Device = 8,
  Generator = 9,
  String = 10,
  Unsupported = 99,
};

struct Parameter {
  Kind kind = Kind::Unsupported;
  bool list = false;
  bool optional = false;          // the argument itself may be None
  bool optionalElements = false;  // Tensor?[]
  Optional<c10::IValue> fallback;
};

struct Result {
  Kind kind = Kind::Unsupported;
  bool list = false;
  int alias = -1;  // index of the argument that an in-place operator returns
};

struct Operator {
  explicit Operator(c10::OperatorHandle handle) : handle(std::move(handle)) {}
  c10::OperatorHandle handle;
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<Result> results;
};

namespace {

Kind scalarKind(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType:
      return Kind::Tensor;
    case c10::TypeKind::NumberType:
      return Kind::Scalar;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return Kind::Int;
    case c10::TypeKind::FloatType:
      return Kind::Float;
    case c10::TypeKind::BoolType:
      return Kind::Bool;
    case c10::TypeKind::ScalarTypeType:
      return Kind::Dtype;
    case c10::TypeKind::LayoutType:
      return Kind::Layout;
    case c10::TypeKind::MemoryFormatType:
      return Kind::MemoryFormat;
    case c10::TypeKind::DeviceObjType:
      return Kind::Device;
    case c10::TypeKind::GeneratorType:
      return Kind::Generator;
    case c10::TypeKind::StringType:
      return Kind::String;
    default:
      return Kind::Unsupported;
  }
}

struct Shape {
  Kind kind;
  bool list, optional, optionalElements;
};

Shape readType(c10::TypePtr type) {
  Shape shape{Kind::Unsupported, false, false, false};
  if (auto optional = type->cast<c10::OptionalType>()) {
    shape.optional = true;
    type = optional->getElementType();
  }
  if (auto list = type->cast<c10::ListType>()) {
    shape.list = true;
    type = list->getElementType();
    if (auto element = type->cast<c10::OptionalType>()) {
      shape.optionalElements = true;
      type = element->getElementType();
    }
  }
  shape.kind = scalarKind(type);
  return shape;
}

std::unique_ptr<Operator> makeOperator(const c10::OperatorHandle& handle) {
  const auto& schema = handle.schema();
  auto op = std::make_unique<Operator>(handle);
  op->name = schema.name() + (schema.overload_name().empty() ? "" : "." + schema.overload_name());
  for (const auto& argument : schema.arguments()) {
    const Shape shape = readType(argument.real_type());
    Parameter parameter{shape.kind, shape.list, shape.optional, shape.optionalElements, {}};
    if (argument.default_value()) parameter.fallback = *argument.default_value();
    op->parameters.push_back(std::move(parameter));
  }
  for (const auto& value : schema.returns()) {
    const Shape shape = readType(value.real_type());
    Result result{shape.kind, shape.list, -1};
    if (value.alias_info() && value.alias_info()->isWrite()) {
      for (size_t i = 0; i < schema.arguments().size(); i++) {
        const auto* info = schema.arguments()[i].alias_info();
        if (info && info->isWrite() && info->beforeSets() == value.alias_info()->beforeSets()) {
          result.alias = static_cast<int>(i);
        }
      }
    }
    op->results.push_back(result);
  }
  return op;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string describe(const c10::OperatorHandle& handle, const Operator& op) {
  const auto& schema = handle.schema();
  std::ostringstream out;
  out << "{\"name\":" << quoted(schema.name()) << ",\"overload\":" << quoted(schema.overload_name())
      << ",\"arguments\":[";
  for (size_t i = 0; i < op.parameters.size(); i++) {
    const auto& argument = schema.arguments()[i];
    const auto& parameter = op.parameters[i];
    out << (i ? "," : "") << "{\"name\":" << quoted(argument.name()) << ",\"kind\":" << int(parameter.kind)
        << ",\"list\":" << (parameter.list ? "true" : "false")
        << ",\"optional\":" << (parameter.optional ? "true" : "false")
        << ",\"optionalElements\":" << (parameter.optionalElements ? "true" : "false")
        << ",\"keyword\":" << (argument.kwarg_only() ? "true" : "false")
        << ",\"hasDefault\":" << (parameter.fallback ? "true" : "false")
        << ",\"size\":" << (argument.N() ? *argument.N() : 0) << ",\"emptyDefault\":"
        << (parameter.fallback && parameter.fallback->isList() && parameter.fallback->toListRef().empty() ? "true" : "false")
        << "}";
  }
  out << "],\"returns\":[";
  for (size_t i = 0; i < op.results.size(); i++) {
    const auto& result = op.results[i];
    out << (i ? "," : "") << "{\"kind\":" << int(result.kind) << ",\"list\":" << (result.list ? "true" : "false")
        << ",\"alias\":" << result.alias << "}";
  }
  out << "]}";
  return out.str();
}

/// Reads arguments from the exchange, position by position.
struct Reader {
  Registry& registry;
  const std::vector<std::string>& strings;
  size_t position = 0;

  double next() { return registry.at(position++); }
  int64_t integer() { return static_cast<int64_t>(next()); }
  size_t length() { return static_cast<size_t>(next()); }

  c10::Scalar scalar() {
    const int tag = static_cast<int>(next());
    const double value = next();
    if (tag == 0) return c10::Scalar(static_cast<int64_t>(value));
    if (tag == 2) return c10::Scalar(value != 0);
    return c10::Scalar(value);
  }

  c10::Device device() {
    const int64_t code = integer();
    return c10::Device(static_cast<c10::DeviceType>(code >> 8), static_cast<c10::DeviceIndex>((code & 255) - 1));
  }

  c10::IValue single(Kind kind) {
    switch (kind) {
      case Kind::Tensor: {
        const double handle = next();
        return handle == 0 ? c10::IValue(at::Tensor()) : c10::IValue(registry.get(handle));
      }
      case Kind::Scalar:
        return c10::IValue(scalar());
      case Kind::Float:
        return c10::IValue(next());
      case Kind::Bool:
        return c10::IValue(next() != 0);
      case Kind::Device:
        return c10::IValue(device());
      case Kind::Generator:
        return c10::IValue(registry.generators.at(static_cast<size_t>(next())));
      case Kind::String:
        return c10::IValue(strings.at(static_cast<size_t>(next())));
      case Kind::Int:
      case Kind::Dtype:
      case Kind::Layout:
      case Kind::MemoryFormat:
        return c10::IValue(integer());
      default:
        throw std::invalid_argument("this argument's type is not supported");
    }
  }

  c10::IValue list(const Parameter& parameter) {
    const size_t count = length();
    switch (parameter.kind) {
      case Kind::Tensor: {
        if (parameter.optionalElements) {
          c10::List<Optional<at::Tensor>> values;
          values.reserve(count);
          for (size_t i = 0; i < count; i++) {
            const double handle = next();
            values.push_back(handle == 0 ? Optional<at::Tensor>() : Optional<at::Tensor>(registry.get(handle)));
          }
          return c10::IValue(std::move(values));
        }
        c10::List<at::Tensor> values;
        values.reserve(count);
        for (size_t i = 0; i < count; i++) values.push_back(registry.get(next()));
        return c10::IValue(std::move(values));
      }
      case Kind::Int:
      case Kind::Dtype: {
        c10::List<int64_t> values;
        values.reserve(count);
        for (size_t i = 0; i < count; i++) values.push_back(integer());
        return c10::IValue(std::move(values));
      }
      case Kind::Float: {
        c10::List<double> values;
        for (size_t i = 0; i < count; i++) values.push_back(next());
        return c10::IValue(std::move(values));
      }
      case Kind::Bool: {
        c10::List<bool> values;
        for (size_t i = 0; i < count; i++) values.push_back(next() != 0);
        return c10::IValue(std::move(values));
      }
      case Kind::Scalar: {
        c10::List<c10::Scalar> values;
        for (size_t i = 0; i < count; i++) values.push_back(scalar());
        return c10::IValue(std::move(values));
      }
      case Kind::String: {
        c10::List<std::string> values;
        for (size_t i = 0; i < count; i++) values.push_back(strings.at(static_cast<size_t>(next())));
        return c10::IValue(std::move(values));
      }
      default:
        throw std::invalid_argument("this argument's type is not supported");
    }
  }
};

void appendShape(std::ostringstream& out, const c10::IValue& value) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) out << value.toTensor().sizes();
    else out << "none";
  } else if (value.isTensorList()) {
    const auto tensors = value.toTensorVector();
    out << tensors.size() << " tensors";
    for (size_t i = 0; i < tensors.size() && i < 4; i++) out << (i ? ", " : ": ") << tensors[i].sizes();
    if (tensors.size() > 4) out << ", …";
  } else if (value.isString()) {
    out << quoted(value.toStringRef());
  } else {
    out << value;
  }
}

/// `aten::conv2d([1, 3, 8, 8], [4, 5, 3, 3], None, …)`, for messages.
std::string signature(const Operator& op, const torch::jit::Stack& arguments) {
  std::ostringstream out;
  out << op.name << "(";
  for (size_t i = 0; i < arguments.size(); i++) {
    if (i) out << ", ";
    appendShape(out, arguments[i]);
  }
  out << ")";
  return out.str();
}

void pack(Registry& registry, size_t& position, const Result& result, const c10::IValue& value) {
  if (result.list) {
    if (result.kind == Kind::Tensor) {
      const auto tensors = value.toTensorVector();
      registry.at(position++) = static_cast<double>(tensors.size());
      for (const auto& tensor : tensors) registry.at(position++) = registry.put(tensor);
      return;
    }
    const auto values = value.toIntVector();
    registry.at(position++) = static_cast<double>(values.size());
    for (const auto number : values) registry.at(position++) = static_cast<double>(number);
    return;
  }
  double& slot = registry.at(position++);
  if (value.isTensor()) slot = registry.put(value.toTensor());
  else if (value.isDouble()) slot = value.toDouble();
  else if (value.isInt()) slot = static_cast<double>(value.toInt());
  else if (value.isBool()) slot = value.toBool() ? 1 : 0;
  else if (value.isNone()) slot = 0;
  else throw std::runtime_error("the operator returned a type that is not supported");
}

/// resolve(name, overload) → JSON of the schema with `id`, or undefined where this libtorch has no such operator.
napi_value resolve(Call& call) {
  const std::string name = call.string(0);
  const std::string overload = call.string(1);
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle) return undefined(call.env);
  auto op = makeOperator(*handle);
  const std::string json = describe(*handle, *op);
  const size_t id = call.registry.operators.size();
  call.registry.operators.push_back(std::move(op));
  return toString(call.env, "{\"id\":" + std::to_string(id) + "," + json.substr(1));
}

/// call(id, strings?) → runs the operator on the packed arguments; results are packed from position 0.
napi_value callOperator(Call& call) {
  Registry& registry = call.registry;
  const Operator& op = *registry.operators.at(static_cast<size_t>(call.number(0)));
  std::vector<std::string> strings;
  bool hasStrings = false;
  check(call.env, napi_is_array(call.env, call.arguments[1], &hasStrings));
  if (hasStrings) {
    uint32_t count = 0;
    check(call.env, napi_get_array_length(call.env, call.arguments[1], &count));
    for (uint32_t i = 0; i < count; i++) {
      napi_value element;
      check(call.env, napi_get_element(call.env, call.arguments[1], i, &element));
      size_t length = 0;
      check(call.env, napi_get_value_string_utf8(call.env, element, nullptr, 0, &length));
      std::string text(length, '\0');
      check(call.env, napi_get_value_string_utf8(call.env, element, text.data(), length + 1, &length));
      strings.push_back(std::move(text));
    }
  }
  torch::jit::Stack stack;
  stack.reserve(op.parameters.size());
  Reader reader{registry, strings};
  for (const auto& parameter : op.parameters) {
    switch (static_cast<int>(reader.next())) {
      case 0:
        if (!parameter.fallback) throw std::invalid_argument(op.name + ": a required argument is missing");
        stack.push_back(*parameter.fallback);
        break;
      case 1:
        stack.emplace_back();
        break;
      default:
        stack.push_back(parameter.list ? reader.list(parameter) : reader.single(parameter.kind));
    }
  }
  // Kept for the error message: the call consumes the stack, and the shapes are what the reader of a message needs.
  const torch::jit::Stack given = stack;
  try {
    op.handle.callBoxed(&stack);
  } catch (const c10::Error& error) {
    throw std::runtime_error(signature(op, given) + ": " + firstLines(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw std::runtime_error(signature(op, given) + ": " + firstLines(error.what()));
  }
  size_t position = 0;
  for (size_t i = 0; i < op.results.size(); i++) {
    if (op.results[i].alias < 0 || op.results[i].list) pack(registry, position, op.results[i], stack[i]);
  }
  return undefined(call.env);
}

/// operatorNames() → ["aten::add.Tensor", …], sorted by the caller.
napi_value operatorNames(Call& call) {
  const auto names = c10::Dispatcher::singleton().getAllOpNames();
  napi_value result;
  check(call.env, napi_create_array(call.env, &result));
  uint32_t index = 0;
  for (const auto& name : names) {
    if (!c10::Dispatcher::singleton().findSchema(name)) continue;
    const std::string text = name.name + (name.overload_name.empty() ? "" : "." + name.overload_name);
    check(call.env, napi_set_element(call.env, result, index++, toString(call.env, text)));
  }
  return result;
}

}  // namespace

std::vector<Method> dispatchMethods() {
  return {
      {"resolve", method<resolve>},
      {"call", method<callOperator>},
      {"operatorNames", method<operatorNames>},
  };
}

}  // namespace graft
