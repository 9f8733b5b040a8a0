// A gRPC load generator: like h2load, but every request carries its own sticky key, every answer is checked, and the
// requests sent can be counted to the last one.
//
// From one thread, always with the same body. In a closed loop it keeps `--connections` x `--streams` requests in
// flight. With `--rate` the loop is open: requests are due at fixed times, whatever comes back, and latencies count
// from there, so that a server that stalls is charged for everybody who waited meanwhile. It prints one JSON line. The
// server's CPU time is read from /proc at both ends of the measured window.
#include "load.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "machine.h"

namespace {

constexpr uint64_t kDrainNs = 10'000'000'000;  // Answers later than this after the end are counted as lost.
constexpr uint64_t kLongestWaitNs = 100'000'000;  // The drain's end is looked for this often.

uint32_t Clamped(uint64_t ns) { return static_cast<uint32_t>(std::min<uint64_t>(ns, UINT32_MAX)); }

}  // namespace

Load::Load(const Settings& settings) : settings_(settings), body_(ReadBody(settings.body)) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  tally_.latencies_ns.reserve(1 << 20);
  tally_.lateness_ns.reserve(1 << 20);
}

void Load::Run() {
  for (int i = 0; i < settings_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(this, settings_.streams));
    Watch(connections_.back().get(), EPOLLIN, EPOLL_CTL_ADD);
  }
  const uint64_t begin_ns = NowNs();
  const uint64_t measure_ns = begin_ns + static_cast<uint64_t>(settings_.warm_up_seconds * 1e9);
  const uint64_t end_ns = measure_ns + static_cast<uint64_t>(settings_.seconds * 1e9);
  const std::array<uint64_t, 2> turns_ns{measure_ns, end_ns};
  if (is_open_loop()) schedule_ = Schedule(settings_.rate, begin_ns, end_ns);
  for (auto& connection : connections_) connection->Start();
  while (true) {
    const bool has_room = SendDue();
    const uint64_t now_ns = NowNs();
    const bool is_over = settings_.requests ? is_done() : now_ns >= end_ns;
    if (!is_measuring_ && !is_ending_ && now_ns >= measure_ns) OpenWindow();
    if (is_measuring_ && is_over) CloseWindow();
    if (is_ending_ && (is_done() || now_ns > end_ns + kDrainNs)) break;
    uint64_t until_ns = now_ns + kLongestWaitNs;
    for (const uint64_t turn_ns : turns_ns) {
      if (turn_ns > now_ns) until_ns = std::min(until_ns, turn_ns);
    }
    // What is due and found no free call waits for an answer, not for the clock.
    if (has_room && schedule_.has_next()) until_ns = std::min(until_ns, schedule_.next_ns());
    Wait(until_ns);
  }
  for (; schedule_.has_next(); schedule_.Take()) ++tally_.unsent;
}

bool Load::may_send() const {
  if (is_open_loop()) return schedule_.has_next();
  return settings_.requests ? tally_.sent < settings_.requests : !is_ending_;
}

bool Load::SendDue() {
  while (schedule_.has_next() && schedule_.next_ns() <= NowNs()) {
    Connection* connection = NextFree();
    if (connection == nullptr) return false;
    connection->Send(schedule_.Take());
  }
  return true;
}

Connection* Load::NextFree() {
  for (size_t i = 0; i < connections_.size(); ++i) {
    Connection* connection = connections_[next_connection_].get();
    next_connection_ = (next_connection_ + 1) % connections_.size();
    if (connection->has_free_call()) return connection;
  }
  return nullptr;
}

void Load::Wait(uint64_t until_ns) {
  const uint64_t now_ns = NowNs();
  const timespec limit{0, until_ns > now_ns ? static_cast<long>(until_ns - now_ns) : 0};
  std::array<epoll_event, 128> events;
  const int ready = epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
  if (ready < 0 && errno != EINTR) throw std::runtime_error("waiting needs Linux 5.11 or later");
  for (int i = 0; i < ready; ++i) {
    auto* connection = static_cast<Connection*>(events[i].data.ptr);
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) connection->OnReadable();
    if (events[i].events & EPOLLOUT) connection->Flush();
  }
}

std::string Load::NextKey() { return "user-" + std::to_string(next_key_++ % settings_.keys); }

void Load::OnSent(const Call& call) {
  ++tally_.sent;
  if (is_open_loop() && is_of_window(call.due_ns)) tally_.lateness_ns.push_back(Clamped(NowNs() - call.due_ns));
}

void Load::OnEnd(const Call& call, uint32_t error) {
  if (error == 0 && call.is_200 && call.grpc_status == "0") {
    ++tally_.ok;
    tally_.bytes_least = std::min(tally_.bytes_least, call.bytes);
    tally_.bytes_most = std::max(tally_.bytes_most, call.bytes);
  } else {
    ++tally_.failed[error != 0 ? "reset " + std::to_string(error) : "grpc-status '" + call.grpc_status + "'"];
  }
  if (is_of_window(call.due_ns)) tally_.latencies_ns.push_back(Clamped(NowNs() - call.due_ns));
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
  window_end_ns_ = NowNs();
  tally_.window_ns = window_end_ns_ - window_start_ns_;
  tally_.other_cpu_seconds = MachineCpuSeconds() - CpuSeconds(getpid()) - other_cpu_at_start_;
  for (size_t i = 0; i < settings_.pids.size(); ++i) {
    tally_.cpu_seconds.push_back(CpuSeconds(settings_.pids[i]) - cpu_at_start_[i]);
    tally_.other_cpu_seconds -= tally_.cpu_seconds.back();
  }
  tally_.window_requests = tally_.answered() - window_first_;
  is_measuring_ = false;
  is_ending_ = true;
}

int main(int argc, char** argv) {
  try {
    const Settings settings = ParseSettings(argc, argv);
    if (settings.core >= 0) RunOnlyOn(settings.core);
    if (settings.rate > 0) SleepPrecisely();
    Load load(settings);
    load.Run();
    Print(load.tally());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
