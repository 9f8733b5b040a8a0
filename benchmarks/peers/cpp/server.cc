// The reference that Tidegate is measured against: gRPC completion queues and ONNX Runtime, nothing else.
//
//   server --library PATH/libonnxruntime.so.N [--listen 127.0.0.1:0] [--threads 2] --model NAME=PATH [--model …]
//
// Each thread owns one completion queue, keeps several calls waiting in it and runs the model where the request was
// read: no batching, no metrics, no deadlines. Prints one JSON line with the bound address; answers the line "stats"
// on standard input with its counters; ends when standard input ends or on SIGTERM.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "inference/open_inference.grpc.pb.h"
#include "onnx_runtime.h"

namespace {

// Enough for the widest benchmark cell (64 requests at once) to find a waiting call in either queue.
constexpr int kWaitingCallsPerThread = 128;

using Service = inference::GRPCInferenceService::AsyncService;
using Models = std::map<std::string, std::unique_ptr<onnx_runtime::Model>, std::less<>>;

struct alignas(64) Counters {
  std::atomic<uint64_t> ok{0};
  std::atomic<uint64_t> failed{0};
};

grpc::Status Invalid(const std::string& sentence) { return {grpc::StatusCode::INVALID_ARGUMENT, sentence}; }

grpc::Status Answer(const Models& models, const inference::ModelInferRequest& request,
                    inference::ModelInferResponse* response) {
  const auto found = models.find(request.model_name());
  if (found == models.end()) {
    return {grpc::StatusCode::NOT_FOUND, "there is no model '" + request.model_name() + "'"};
  }
  const onnx_runtime::Model& model = *found->second;
  if (request.inputs_size() != 1 || request.raw_input_contents_size() != 1) {
    return Invalid("one input with raw contents is expected");
  }
  const auto& input = request.inputs(0);
  if (input.name() != model.input_name()) return Invalid("the input is named '" + model.input_name() + "'");
  if (input.datatype() != "FP32") return Invalid("the input is FP32");
  if (input.shape_size() != 2 || input.shape(1) != model.input_width() || input.shape(0) < 1) {
    return Invalid("the input has shape [rows, " + std::to_string(model.input_width()) + "]");
  }
  const int64_t rows = input.shape(0);
  const std::string& raw = request.raw_input_contents(0);
  const size_t row_bytes = static_cast<size_t>(model.input_width()) * sizeof(float);
  if (raw.size() % row_bytes != 0 || raw.size() / row_bytes != static_cast<size_t>(rows)) {
    return Invalid("the raw contents do not fill the shape");
  }
  response->set_model_name(request.model_name());
  response->set_model_version("1");
  response->set_id(request.id());
  auto* output = response->add_outputs();
  output->set_name(model.output_name());
  output->set_datatype("FP32");
  output->add_shape(rows);
  output->add_shape(model.output_width());
  std::string* bytes = response->add_raw_output_contents();
  bytes->resize(static_cast<size_t>(rows * model.output_width()) * sizeof(float));
  try {
    model.Run(raw.data(), rows, bytes->data());
  } catch (const std::runtime_error& error) {
    return {grpc::StatusCode::INTERNAL, error.what()};
  }
  return grpc::Status::OK;
}

// One call slot: waits for a request, answers it, then waits for the next.
class Slot {
 public:
  Slot(Service* service, grpc::ServerCompletionQueue* queue, const Models* models, Counters* counters)
      : service_(service), queue_(queue), models_(models), counters_(counters) {
    Wait();
  }

  void Proceed(bool ok) {
    if (is_answering_) return Wait();
    if (!ok) return;  // The server is shutting down.
    is_answering_ = true;
    const grpc::Status status = Answer(*models_, request_, &response_);
    (status.ok() ? counters_->ok : counters_->failed).fetch_add(1, std::memory_order_relaxed);
    if (status.ok()) {
      responder_->Finish(response_, status, this);
    } else {
      responder_->FinishWithError(status, this);
    }
  }

 private:
  void Wait() {
    is_answering_ = false;
    request_.Clear();
    response_.Clear();
    responder_.reset();
    context_.emplace();
    responder_.emplace(&*context_);
    service_->RequestModelInfer(&*context_, &request_, &*responder_, queue_, queue_, this);
  }

  Service* service_;
  grpc::ServerCompletionQueue* queue_;
  const Models* models_;
  Counters* counters_;
  bool is_answering_ = false;
  inference::ModelInferRequest request_;
  inference::ModelInferResponse response_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<inference::ModelInferResponse>> responder_;
};

struct Settings {
  std::string library;
  std::string listen = "127.0.0.1:0";
  int threads = 2;
  std::vector<std::pair<std::string, std::string>> models;
};

Settings Parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    const size_t equals = value.find('=');
    if (flag == "--library") {
      settings.library = value;
    } else if (flag == "--listen") {
      settings.listen = value;
    } else if (flag == "--threads") {
      settings.threads = std::stoi(value);
    } else if (flag == "--model" && equals != std::string::npos) {
      settings.models.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else {
      throw std::runtime_error("unknown setting " + flag + " " + value);
    }
  }
  if (argc % 2 == 0 || settings.library.empty() || settings.models.empty() || settings.threads < 1) {
    throw std::runtime_error("usage: server --library PATH --model NAME=PATH [--listen ADDRESS] [--threads N]");
  }
  return settings;
}

void Serve(const Settings& settings) {
  onnx_runtime::Open(settings.library);
  Models models;
  for (const auto& [name, path] : settings.models) models[name] = std::make_unique<onnx_runtime::Model>(path);

  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(settings.listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < settings.threads; ++i) queues.push_back(builder.AddCompletionQueue());
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) throw std::runtime_error("cannot listen on " + settings.listen);

  std::vector<Counters> counters(settings.threads);
  std::vector<std::thread> threads;
  for (int i = 0; i < settings.threads; ++i) {
    threads.emplace_back([&, i] {
      std::vector<std::unique_ptr<Slot>> slots;
      for (int n = 0; n < kWaitingCallsPerThread; ++n) {
        slots.push_back(std::make_unique<Slot>(&service, queues[i].get(), &models, &counters[i]));
      }
      void* tag = nullptr;
      bool ok = false;
      while (queues[i]->Next(&tag, &ok)) static_cast<Slot*>(tag)->Proceed(ok);
    });
  }
  std::cout << "{\"grpc\": \"127.0.0.1:" << port << "\"}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    uint64_t ok = 0, failed = 0;
    for (const Counters& counter : counters) ok += counter.ok, failed += counter.failed;
    std::cout << "{\"ok\": " << ok << ", \"failed\": " << failed << "}" << std::endl;
  }
  std::_Exit(0);  // No call is worth waiting for once whoever started us has gone.
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Serve(Parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
