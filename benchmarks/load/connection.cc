#include "connection.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "load.h"
#include "machine.h"

namespace {

constexpr int32_t kWindowBytes = (1 << 30) - 1;  // Flow control is not what is measured.

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

nghttp2_nv Field(const char* name, const std::string& value, uint8_t flags) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), std::strlen(name), value.size(), flags};
}

}  // namespace

Connection::Connection(Load* load, int streams) : load_(load), calls_(static_cast<size_t>(streams)) {
  fd_ = Connect(load->settings().target);
  for (Call& call : calls_) free_.push_back(&call);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session* session, int32_t stream, uint32_t error, void* user) {
        auto* call = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
        if (call != nullptr) static_cast<Connection*>(user)->End(call, error);
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
  while (has_free_call() && load_->begins_anew()) {
    Call* call = free_.back();
    free_.pop_back();
    Submit(call, NowNs());
  }
  Flush();
}

void Connection::Send(uint64_t due_ns) {
  Call* call = free_.back();
  free_.pop_back();
  Submit(call, due_ns);
  Flush();
}

void Connection::Submit(Call* call, uint64_t due_ns) {
  *call = Call{};
  call->due_ns = due_ns;
  const Settings& settings = load_->settings();
  static const std::string kPost = "POST", kHttp = "http", kGrpc = "application/grpc", kTrailers = "trailers";
  std::string key;
  std::array<nghttp2_nv, 7> fields = {
      Field(":method", kPost, 0),          Field(":scheme", kHttp, 0),   Field(":authority", settings.target, 0),
      Field(":path", settings.path, 0),    Field("te", kTrailers, 0),    Field("content-type", kGrpc, 0),
  };
  size_t count = 6;
  if (settings.keys != 0) {
    key = load_->NextKey();
    // Not indexed, as gRPC's own clients send metadata; else every new key would push out the constant fields.
    fields[count++] = Field(settings.key_header.c_str(), key, NGHTTP2_NV_FLAG_NO_INDEX);
  }
  nghttp2_data_provider body;
  body.source.ptr = load_;
  body.read_callback = [](nghttp2_session* session, int32_t stream, uint8_t* out, size_t room, uint32_t* flags,
                          nghttp2_data_source* source, void*) -> ssize_t {
    const std::string& bytes = static_cast<Load*>(source->ptr)->body();
    auto* mine = static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
    const size_t size = std::min(room, bytes.size() - mine->body_offset);
    std::memcpy(out, bytes.data() + mine->body_offset, size);
    mine->body_offset += size;
    if (mine->body_offset == bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  };
  if (nghttp2_submit_request(session_, nullptr, fields.data(), count, &body, call) < 0) {
    throw std::runtime_error("a request could not be submitted");
  }
  load_->OnSent(*call);
}

void Connection::End(Call* call, uint32_t error) {
  load_->OnEnd(*call, error);
  if (load_->begins_anew()) {
    Submit(call, NowNs());
  } else {
    free_.push_back(call);
  }
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
