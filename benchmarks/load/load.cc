// A closed-loop gRPC load generator: like h2load, but every request carries its own sticky key, every answer is
// checked, and the requests sent can be counted to the last one.
//
// It keeps `--connections` x `--streams` requests in flight from one thread, always with the same body, and prints one
// JSON line. The server's CPU time is read from /proc at both ends of the measured window.
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "machine.h"
#include "settings.h"
#include "tally.h"

namespace {

constexpr int32_t kWindowBytes = (1 << 30) - 1;  // Flow control is not what is measured.
constexpr uint64_t kDrainNs = 10'000'000'000;    // Answers later than this after the end are counted as lost.
constexpr int kEpollTimeoutMs = 100;

struct Call {
  uint64_t started_ns = 0;
  uint64_t bytes = 0;
  size_t body_offset = 0;
  bool is_200 = false;
  std::string grpc_status;
};

class Load;

// One connection and its calls. Calls are reused: `streams` of them live as long as the connection.
class Connection {
 public:
  Connection(Load* load, int streams);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void Start();
  void OnReadable();
  void Flush();
  int fd() const { return fd_; }

 private:
  friend class Load;
  void Submit(Call* call);

  Load* load_;
  int fd_;
  nghttp2_session* session_ = nullptr;
  std::vector<Call> calls_;
  std::string unsent_;
  bool is_waiting_to_write_ = false;
};

class Load {
 public:
  explicit Load(Settings settings) : settings_(std::move(settings)), body_(ReadBody(settings_.body)) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    tally_.latencies_ns.reserve(1 << 20);
  }
  void Run();
  const Tally& tally() const { return tally_; }

 private:
  friend class Connection;
  bool may_send() const { return settings_.requests ? tally_.sent < settings_.requests : !is_ending_; }
  void Finish(Call* call, uint32_t error);
  void Watch(Connection* connection, uint32_t events, int operation);
  void OpenWindow();
  void CloseWindow();

  Settings settings_;
  std::string body_;
  int epoll_;
  bool is_measuring_ = false;
  bool is_ending_ = false;
  Tally tally_;
  uint64_t next_key_ = 0;
  uint64_t window_start_ns_ = 0;
  uint64_t window_first_ = 0;
  std::vector<double> cpu_at_start_;
  double other_cpu_at_start_ = 0;
};

int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void*) {
  const bool is_status = name_size == 7 && std::memcmp(name, ":status", 7) == 0;
  const bool is_grpc_status = name_size == 11 && std::memcmp(name, "grpc-status", 11) == 0;
  if (!is_status && !is_grpc_status) return 0;
  auto* call = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  if (call == nullptr) return 0;
  if (is_status) {
    call->is_200 = value_size == 3 && std::memcmp(value, "200", 3) == 0;
  } else {
    call->grpc_status.assign(reinterpret_cast<const char*>(value), value_size);
  }
  return 0;
}

int OnData(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t*, size_t size, void*) {
  auto* call = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
  if (call != nullptr) call->bytes += size;
  return 0;
}

Connection::Connection(Load* load, int streams) : load_(load), calls_(streams) {
  fd_ = Connect(load->settings_.target);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session* session, int32_t stream, uint32_t error, void* user) {
        auto* self = static_cast<Connection*>(user);
        auto* call = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
        if (call == nullptr) return 0;
        self->load_->Finish(call, error);
        if (self->load_->may_send()) self->Submit(call);
        return 0;
      });
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const std::array<nghttp2_settings_entry, 2> entries{{{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                                       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindowBytes);
}

Connection::~Connection() {
  nghttp2_session_del(session_);
  close(fd_);
}

void Connection::Start() {
  for (Call& call : calls_) {
    if (load_->may_send()) Submit(&call);
  }
  Flush();
}

nghttp2_nv Field(const char* name, const std::string& value, uint8_t flags) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), std::strlen(name), value.size(), flags};
}

void Connection::Submit(Call* call) {
  *call = Call{};
  const Settings& settings = load_->settings_;
  static const std::string kPost = "POST", kHttp = "http", kGrpc = "application/grpc", kTrailers = "trailers";
  std::string key;
  std::array<nghttp2_nv, 7> fields = {
      Field(":method", kPost, 0),          Field(":scheme", kHttp, 0),   Field(":authority", settings.target, 0),
      Field(":path", settings.path, 0),    Field("te", kTrailers, 0),    Field("content-type", kGrpc, 0),
  };
  size_t count = 6;
  if (settings.keys != 0) {
    key = "user-" + std::to_string(load_->next_key_++ % settings.keys);
    // Not indexed, as gRPC's own clients send metadata; else every new key would push out the constant fields.
    fields[count++] = Field(settings.key_header.c_str(), key, NGHTTP2_NV_FLAG_NO_INDEX);
  }
  nghttp2_data_provider body;
  body.source.ptr = load_;
  body.read_callback = [](nghttp2_session* session, int32_t stream, uint8_t* out, size_t room, uint32_t* flags,
                          nghttp2_data_source* source, void*) -> ssize_t {
    const std::string& bytes = static_cast<Load*>(source->ptr)->body_;
    auto* mine = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
    const size_t size = std::min(room, bytes.size() - mine->body_offset);
    std::memcpy(out, bytes.data() + mine->body_offset, size);
    mine->body_offset += size;
    if (mine->body_offset == bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  };
  call->started_ns = NowNs();
  if (nghttp2_submit_request(session_, nullptr, fields.data(), count, &body, call) < 0) {
    throw std::runtime_error("a request could not be submitted");
  }
  ++load_->tally_.sent;
}

void Connection::OnReadable() {
  static std::array<uint8_t, 256 * 1024> buffer;
  const ssize_t size = read(fd_, buffer.data(), buffer.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) throw std::runtime_error("the server closed a connection");
  if (nghttp2_session_mem_recv(session_, buffer.data(), static_cast<size_t>(size)) < 0) {
    throw std::runtime_error("the server does not speak HTTP/2 correctly");
  }
  Flush();
}

void Connection::Flush() {
  const uint8_t* bytes = nullptr;
  for (ssize_t size; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) {
    unsent_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  if (!unsent_.empty()) {
    const ssize_t size = write(fd_, unsent_.data(), unsent_.size());
    if (size < 0 && errno != EAGAIN) throw std::runtime_error("the server closed a connection");
    if (size > 0) unsent_.erase(0, static_cast<size_t>(size));
  }
  if (unsent_.empty() != is_waiting_to_write_) return;
  is_waiting_to_write_ = !unsent_.empty();
  load_->Watch(this, is_waiting_to_write_ ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void Load::Finish(Call* call, uint32_t error) {
  const uint64_t took_ns = NowNs() - call->started_ns;
  if (error == 0 && call->is_200 && call->grpc_status == "0") {
    ++tally_.ok;
    tally_.bytes_least = std::min(tally_.bytes_least, call->bytes);
    tally_.bytes_most = std::max(tally_.bytes_most, call->bytes);
  } else {
    ++tally_.failed[error != 0 ? "reset " + std::to_string(error) : "grpc-status '" + call->grpc_status + "'"];
  }
  if (is_measuring_) {
    tally_.latencies_ns.push_back(static_cast<uint32_t>(std::min<uint64_t>(took_ns, UINT32_MAX)));
  }
}

void Load::Watch(Connection* connection, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = connection;
  epoll_ctl(epoll_, operation, connection->fd(), &event);
}

void Load::OpenWindow() {
  is_measuring_ = true;
  window_first_ = tally_.answered();
  for (const int pid : settings_.pids) cpu_at_start_.push_back(CpuSeconds(pid));
  other_cpu_at_start_ = MachineCpuSeconds() - CpuSeconds(getpid());
  window_start_ns_ = NowNs();
}

void Load::CloseWindow() {
  tally_.window_ns = NowNs() - window_start_ns_;
  tally_.other_cpu_seconds = MachineCpuSeconds() - CpuSeconds(getpid()) - other_cpu_at_start_;
  for (size_t i = 0; i < settings_.pids.size(); ++i) {
    tally_.cpu_seconds.push_back(CpuSeconds(settings_.pids[i]) - cpu_at_start_[i]);
    tally_.other_cpu_seconds -= tally_.cpu_seconds.back();
  }
  tally_.window_requests = tally_.answered() - window_first_;
  is_measuring_ = false;
  is_ending_ = true;
}

void Load::Run() {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < settings_.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(this, settings_.streams));
    Watch(connections.back().get(), EPOLLIN, EPOLL_CTL_ADD);
  }
  const uint64_t begin_ns = NowNs();
  const uint64_t measure_ns = begin_ns + static_cast<uint64_t>(settings_.warm_up_seconds * 1e9);
  const uint64_t end_ns = measure_ns + static_cast<uint64_t>(settings_.seconds * 1e9);
  for (auto& connection : connections) connection->Start();
  std::array<epoll_event, 128> events;
  while (true) {
    const uint64_t now_ns = NowNs();
    const bool is_done = tally_.answered() == tally_.sent && !may_send();
    const bool is_over = settings_.requests ? is_done : now_ns >= end_ns;
    if (!is_measuring_ && !is_ending_ && now_ns >= measure_ns) OpenWindow();
    if (is_measuring_ && is_over) CloseWindow();
    if (is_ending_ && (tally_.answered() == tally_.sent || now_ns > end_ns + kDrainNs)) break;
    const int ready = epoll_wait(epoll_, events.data(), events.size(), kEpollTimeoutMs);
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) connection->OnReadable();
      if (events[i].events & EPOLLOUT) connection->Flush();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Settings settings = ParseSettings(argc, argv);
    if (settings.core >= 0) RunOnlyOn(settings.core);
    Load load(settings);
    load.Run();
    Print(load.tally());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
