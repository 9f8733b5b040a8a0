// The few ONNX Runtime C calls that the reference server needs, taken from the library inside the Python wheel.
//
// The wheel ships no header, so the calls are named here by their place in OrtApi, a struct of function pointers
// that only ever grows at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace onnx_runtime {

// One loaded model with one float32 input and one float32 output, both [batch, width].
class Model {
 public:
  // Loads `path` with one intra-op thread; throws std::runtime_error with ONNX Runtime's own words.
  explicit Model(const std::string& path);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const std::string& input_name() const { return input_name_; }
  const std::string& output_name() const { return output_name_; }
  int64_t input_width() const { return input_width_; }
  int64_t output_width() const { return output_width_; }

  // Reads `rows` x input_width floats, writes `rows` x output_width floats. May be called by several threads at once.
  void Run(const void* input, int64_t rows, void* output) const;

 private:
  void* session_ = nullptr;
  std::string input_name_;
  std::string output_name_;
  int64_t input_width_ = 0;
  int64_t output_width_ = 0;
};

// Opens the library once for the process; must come before the first Model. Throws std::runtime_error.
void Open(const std::string& library_path);

}  // namespace onnx_runtime
