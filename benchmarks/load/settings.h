// What the load generator is asked to do.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

struct Settings {
  std::string target;                                          // 127.0.0.1:PORT
  std::string path = "/inference.GRPCInferenceService/ModelInfer";
  std::string body;                                            // a file: one message without its gRPC prefix
  std::string key_header = "x-unit";
  uint64_t keys = 0;                                           // 0: no key header
  int connections = 1;
  int streams = 1;                                             // per connection
  double rate = 0;                                             // requests due a second; 0: a closed loop
  double warm_up_seconds = 0;
  double seconds = 0;
  uint64_t requests = 0;                                       // instead of a duration
  int core = -1;                                               // -1: any
  std::vector<int> pids;                                       // whose CPU time is read
};

inline Settings ParseSettings(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--target") settings.target = value;
    else if (flag == "--path") settings.path = value;
    else if (flag == "--body") settings.body = value;
    else if (flag == "--key-header") settings.key_header = value;
    else if (flag == "--keys") settings.keys = std::stoull(value);
    else if (flag == "--connections") settings.connections = std::stoi(value);
    else if (flag == "--streams") settings.streams = std::stoi(value);
    else if (flag == "--rate") settings.rate = std::stod(value);
    else if (flag == "--warm-up") settings.warm_up_seconds = std::stod(value);
    else if (flag == "--seconds") settings.seconds = std::stod(value);
    else if (flag == "--requests") settings.requests = std::stoull(value);
    else if (flag == "--core") settings.core = std::stoi(value);
    else if (flag == "--pid") settings.pids.push_back(std::stoi(value));
    else throw std::runtime_error("unknown setting " + flag);
  }
  const bool has_one_end = (settings.seconds > 0) != (settings.requests > 0);
  const bool has_schedule = settings.rate >= 0 && (settings.rate == 0 || settings.seconds > 0);
  if (argc % 2 == 0 || settings.target.empty() || settings.body.empty() || !has_one_end || !has_schedule) {
    throw std::runtime_error(
        "usage: load --target ADDRESS --body FILE (--seconds S [--warm-up S] [--rate N] | --requests N)\n"
        "            [--connections N] [--streams N] [--keys N] [--key-header NAME] [--pid PID …] [--path PATH] [--core N]");
  }
  return settings;
}
