// A load: its connections, what is to be sent when, and what came of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"
#include "schedule.h"
#include "settings.h"
#include "tally.h"

class Load {
 public:
  explicit Load(const Settings& settings);
  void Run();
  const Tally& tally() const { return tally_; }

  // What connections ask and tell.
  const Settings& settings() const { return settings_; }
  const std::string& body() const { return body_; }
  // In a closed loop a call that ended begins anew, for as long as there is something to send.
  bool begins_anew() const { return !is_open_loop() && may_send(); }
  std::string NextKey();
  void OnSent(const Call& call);
  void OnEnd(const Call& call, uint32_t error);
  void Watch(Connection* connection, uint32_t events, int operation);

 private:
  bool is_open_loop() const { return settings_.rate > 0; }
  bool is_done() const { return tally_.answered() == tally_.sent && !may_send(); }
  bool may_send() const;
  bool is_of_window(uint64_t due_ns) const { return window_start_ns_ <= due_ns && due_ns < window_end_ns_; }
  // Sends what is due in an open loop, on the connections in turn; what finds no free call stays due. Whether all of it
  // was sent.
  bool SendDue();
  Connection* NextFree();
  // Takes what comes, and waits for it at the longest until then.
  void Wait(uint64_t until_ns);
  void OpenWindow();
  void CloseWindow();

  Settings settings_;
  std::string body_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Schedule schedule_;
  size_t next_connection_ = 0;
  bool is_measuring_ = false;
  bool is_ending_ = false;
  Tally tally_;
  uint64_t next_key_ = 0;
  uint64_t window_start_ns_ = UINT64_MAX;
  uint64_t window_end_ns_ = UINT64_MAX;
  uint64_t window_first_ = 0;
  std::vector<double> cpu_at_start_;
  double other_cpu_at_start_ = 0;
};
