// address.h: addresses as people write them.
#pragma once

#include <string>
#include <string_view>

#include <sluice/result.h>

#include "sys/sockets.h"

namespace sluice::net {

// What is wrong with the spelling of an address; empty when nothing is. Looks nothing up.
[[nodiscard]] std::string address_problem(std::string_view text);

// "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". HOST is an address or a name, which is looked up
// (getaddrinfo(3), which may wait for a name server). Port 0 lets the kernel pick.
[[nodiscard]] result<sys::socket_address> parse_address(std::string_view text);

// The same spelling back; without the port where only the host is wanted ("127.0.0.1", "unix:").
[[nodiscard]] std::string text_of(const sys::socket_address& address);
[[nodiscard]] std::string host_of(const sys::socket_address& address);

}  // namespace sluice::net
