#include "onnx_runtime.h"

#include <dlfcn.h>

#include <stdexcept>

namespace onnx_runtime {
namespace {

constexpr uint32_t kApiVersion = 17;  // The oldest version that has every call below; newer libraries still serve it.
constexpr int kLoggingWarning = 2;
constexpr int kOptimizeAll = 99;
constexpr int kArenaAllocator = 1;
constexpr int kMemoryDefault = 0;
constexpr int kFloat32 = 1;

// The place of each call in OrtApi, counted from zero.
enum Place {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSessionGetInputTypeInfo = 33,
  kSessionGetOutputTypeInfo = 34,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithDataAsOrtValue = 49,
  kCastTypeInfoToTensorInfo = 55,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kCreateCpuMemoryInfo = 69,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseStatus = 93,
  kReleaseValue = 96,
  kReleaseTypeInfo = 98,
  kReleaseSessionOptions = 100,
};

struct ApiBase {
  void* const* (*get_api)(uint32_t version);
  const char* (*get_version_string)();
};

// Filled once by Open(), read by every thread after it.
void* const* g_api = nullptr;
void* g_env = nullptr;
void* g_allocator = nullptr;
void* g_cpu_memory = nullptr;

void Check(void* status) {
  if (status == nullptr) return;
  std::string message = reinterpret_cast<const char* (*)(void*)>(g_api[kGetErrorMessage])(status);
  reinterpret_cast<void (*)(void*)>(g_api[kReleaseStatus])(status);
  throw std::runtime_error(message);
}

// Calls the function at `place`. Every argument must already have the exact C type of the parameter it fills.
template <typename... Arguments>
void Call(Place place, Arguments... arguments) {
  Check(reinterpret_cast<void* (*)(Arguments...)>(g_api[place])(arguments...));
}

void Release(Place place, void* object) {
  if (object != nullptr) reinterpret_cast<void (*)(void*)>(g_api[place])(object);
}

std::string Name(Place place, void* session) {
  char* name = nullptr;
  Call(place, session, size_t{0}, g_allocator, &name);
  return name;  // The runtime's copy lives as long as the process: two small strings a model.
}

int64_t Width(Place place, void* session) {
  void* type_info = nullptr;
  Call(place, session, size_t{0}, &type_info);
  const void* tensor_info = nullptr;
  Call(kCastTypeInfoToTensorInfo, type_info, &tensor_info);
  int element_type = 0;
  size_t rank = 0;
  int64_t shape[2] = {0, 0};
  if (tensor_info != nullptr) {
    Call(kGetTensorElementType, tensor_info, &element_type);
    Call(kGetDimensionsCount, tensor_info, &rank);
    if (rank == 2) Call(kGetDimensions, tensor_info, &shape[0], rank);
  }
  Release(kReleaseTypeInfo, type_info);
  if (element_type != kFloat32 || rank != 2 || shape[1] < 1) {
    throw std::runtime_error("the reference server takes float32 models of shape [batch, width] only");
  }
  return shape[1];
}

// A tensor over memory that the caller keeps alive.
class View {
 public:
  View(const void* data, int64_t rows, int64_t width) {
    const int64_t shape[2] = {rows, width};
    const size_t size_bytes = static_cast<size_t>(rows * width) * sizeof(float);
    Call(kCreateTensorWithDataAsOrtValue, static_cast<const void*>(g_cpu_memory), const_cast<void*>(data), size_bytes,
         &shape[0], size_t{2}, kFloat32, &value_);
  }
  ~View() { Release(kReleaseValue, value_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  void* get() const { return value_; }

 private:
  void* value_ = nullptr;
};

}  // namespace

void Open(const std::string& library_path) {
  void* library = dlopen(library_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (get_base == nullptr) throw std::runtime_error(library_path + " does not export OrtGetApiBase");
  g_api = get_base()->get_api(kApiVersion);
  if (g_api == nullptr) throw std::runtime_error(library_path + " does not offer API version 17");
  Call(kCreateEnv, kLoggingWarning, "reference", &g_env);
  Call(kGetAllocatorWithDefaultOptions, &g_allocator);
  Call(kCreateCpuMemoryInfo, kArenaAllocator, kMemoryDefault, &g_cpu_memory);
}

Model::Model(const std::string& path) {
  void* options = nullptr;
  Call(kCreateSessionOptions, &options);
  Call(kSetIntraOpNumThreads, options, 1);
  Call(kSetSessionGraphOptimizationLevel, options, kOptimizeAll);
  Call(kCreateSession, g_env, path.c_str(), options, &session_);
  Release(kReleaseSessionOptions, options);
  input_name_ = Name(kSessionGetInputName, session_);
  output_name_ = Name(kSessionGetOutputName, session_);
  input_width_ = Width(kSessionGetInputTypeInfo, session_);
  output_width_ = Width(kSessionGetOutputTypeInfo, session_);
}

void Model::Run(const void* input, int64_t rows, void* output) const {
  const View in(input, rows, input_width_);
  const View out(output, rows, output_width_);
  const char* input_names[1] = {input_name_.c_str()};
  const char* output_names[1] = {output_name_.c_str()};
  const void* inputs[1] = {in.get()};
  void* outputs[1] = {out.get()};
  Call(kRun, session_, static_cast<const void*>(nullptr), &input_names[0], &inputs[0], size_t{1}, &output_names[0],
       size_t{1}, &outputs[0]);
}

}  // namespace onnx_runtime
