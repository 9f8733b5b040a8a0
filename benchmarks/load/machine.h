// What the load generator asks of the machine: sockets, files, clocks, /proc.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

inline uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

inline void RunOnlyOn(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(core), &cores);
  if (sched_setaffinity(0, sizeof cores, &cores) != 0) throw std::runtime_error("this core may not be used");
}

// The kernel may wake a thread late by its slack, 50 µs unless told otherwise: too much between two due times.
inline void SleepPrecisely() { prctl(PR_SET_TIMERSLACK, 1UL); }

// User and system time of a whole process, threads that ended included.
inline double CpuSeconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) throw std::runtime_error("there is no process " + std::to_string(pid));
  std::istringstream fields(text.substr(name_end + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // state is the 3rd field of the line, utime the 14th
  uint64_t user = 0, system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Processor time that all processes of the machine used, plus what the host took away; interrupts are left out, because
// they are charged to no process.
inline double MachineCpuSeconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  uint64_t user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft_irq = 0, stolen = 0;
  file >> name >> user >> nice >> system >> idle >> wait >> irq >> soft_irq >> stolen;
  return static_cast<double>(user + nice + system + stolen) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// The file's bytes behind the five-byte prefix of an uncompressed gRPC message.
inline std::string ReadBody(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string message{std::istreambuf_iterator<char>(file), {}};
  if (!file || message.empty()) throw std::runtime_error("cannot read " + path);
  const uint32_t size = htonl(static_cast<uint32_t>(message.size()));
  return std::string(1, '\0') + std::string(reinterpret_cast<const char*>(&size), 4) + message;
}

// A connected, non-blocking socket to a loopback address; no other machine is ever a target.
inline int Connect(const std::string& target) {
  const size_t colon = target.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos || inet_pton(AF_INET, target.substr(0, colon).c_str(), &address.sin_addr) != 1 ||
      (ntohl(address.sin_addr.s_addr) >> 24) != 127) {
    throw std::runtime_error("the target must be a loopback address such as 127.0.0.1:8001");
  }
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(target.substr(colon + 1))));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("nobody listens on " + target);
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}
