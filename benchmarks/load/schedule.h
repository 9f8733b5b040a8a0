// When requests are due in an open loop: evenly, whatever comes back.
#pragma once

#include <cstdint>

class Schedule {
 public:
  // Nothing is ever due.
  Schedule() = default;
  // `rate` requests a second from the beginning to right before the end.
  Schedule(double rate, uint64_t begin_ns, uint64_t end_ns) : rate_(rate), begin_ns_(begin_ns), end_ns_(end_ns) {}

  bool has_next() const { return rate_ > 0 && next_ns() < end_ns_; }
  // From the count, not from the one before: no error adds up.
  uint64_t next_ns() const { return begin_ns_ + static_cast<uint64_t>(static_cast<double>(taken_) * 1e9 / rate_); }
  uint64_t Take() {
    const uint64_t due_ns = next_ns();
    ++taken_;
    return due_ns;
  }

 private:
  double rate_ = 0;
  uint64_t begin_ns_ = 0;
  uint64_t end_ns_ = 0;
  uint64_t taken_ = 0;
};
