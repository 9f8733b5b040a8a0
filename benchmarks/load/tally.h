// What the load generator counted, and how it is printed.
#pragma once

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

struct Tally {
  uint64_t sent = 0;
  uint64_t unsent = 0;  // due, but never sent for want of a free call
  uint64_t ok = 0;
  std::map<std::string, uint64_t> failed;
  uint64_t bytes_least = UINT64_MAX;  // data bytes of an OK answer, gRPC prefix included
  uint64_t bytes_most = 0;
  // The rest is of the measured window alone: requests that were due in it, then answers that came in it.
  std::vector<uint32_t> latencies_ns;
  std::vector<uint32_t> lateness_ns;  // of an open loop: how long after it was due a request was sent
  uint64_t window_requests = 0;
  uint64_t window_ns = 0;
  std::vector<double> cpu_seconds;  // one for each process asked for
  double other_cpu_seconds = 0;     // of everything else on the machine but this generator

  uint64_t answered() const {
    uint64_t count = ok;
    for (const auto& [why, n] : failed) count += n;
    return count;
  }
};

inline void PrintQuantiles(const char* name, std::vector<uint32_t> values_ns) {
  std::sort(values_ns.begin(), values_ns.end());
  const auto quantile_us = [&](double q) {
    return values_ns.empty() ? 0.0 : values_ns[static_cast<size_t>(q * static_cast<double>(values_ns.size() - 1))] / 1e3;
  };
  std::printf("\"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}", name,
              quantile_us(0.5), quantile_us(0.9), quantile_us(0.99), quantile_us(0.999), quantile_us(1.0));
}

// One JSON line on standard output.
inline void Print(const Tally& tally) {
  std::printf("{\"sent\": %" PRIu64 ", \"unsent\": %" PRIu64 ", \"ok\": %" PRIu64 ", \"failed\": {", tally.sent,
              tally.unsent, tally.ok);
  const char* comma = "";
  for (const auto& [why, count] : tally.failed) {
    std::printf("%s\"%s\": %" PRIu64, comma, why.c_str(), count);
    comma = ", ";
  }
  std::printf("}, \"bytes_least\": %" PRIu64 ", \"bytes_most\": %" PRIu64 ", ", tally.ok ? tally.bytes_least : 0,
              tally.bytes_most);
  std::printf("\"requests\": %" PRIu64 ", \"seconds\": %.6f, \"cpu_seconds\": [", tally.window_requests,
              static_cast<double>(tally.window_ns) / 1e9);
  comma = "";
  for (const double seconds : tally.cpu_seconds) {
    std::printf("%s%.2f", comma, seconds);
    comma = ", ";
  }
  std::printf("], \"other_cpu_seconds\": %.2f, ", tally.other_cpu_seconds);
  PrintQuantiles("latency_us", tally.latencies_ns);
  std::printf(", ");
  PrintQuantiles("lateness_us", tally.lateness_ns);
  std::printf("}\n");
}
