// asio.h: the part of Asio that sluice uses, included in one place, and the project's names for it.
//
// Everything runs on executors of one concrete type: type erasure costs more than a small response.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::net {

namespace asio = boost::asio;

using executor = asio::io_context::executor_type;

// A coroutine of a loop.
template <typename T>
using task = asio::awaitable<T, executor>;

// Completion tokens: the operation suspends the coroutine; failure is thrown, or comes back in a
// tuple.
inline constexpr asio::use_awaitable_t<executor> use_task{};
inline constexpr auto as_result = asio::as_tuple(use_task);

using stream_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;
using descriptor = asio::posix::basic_stream_descriptor<executor>;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

}  // namespace sluice::net
