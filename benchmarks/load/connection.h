// One HTTP/2 connection of the load generator and its calls.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>
#include <vector>

class Load;

struct Call {
  uint64_t due_ns = 0;  // when its request was to be sent; its latency counts from there
  uint64_t bytes = 0;
  size_t body_offset = 0;
  bool is_200 = false;
  std::string grpc_status;
};

// Calls are reused: `streams` of them live as long as the connection.
class Connection {
 public:
  Connection(Load* load, int streams);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends a request on every call, of which none is under way yet.
  void Start();
  // Sends one request on a free call.
  void Send(uint64_t due_ns);
  void OnReadable();
  void Flush();
  bool has_free_call() const { return !free_.empty(); }
  int fd() const { return fd_; }

 private:
  void Submit(Call* call, uint64_t due_ns);
  void End(Call* call, uint32_t error);

  Load* load_;
  int fd_;
  nghttp2_session* session_ = nullptr;
  std::vector<Call> calls_;
  std::vector<Call*> free_;
  std::string unsent_;
  bool is_waiting_to_write_ = false;
};
