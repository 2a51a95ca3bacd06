// Sends a file to whoever connects, over Boost.Asio, without a copy and without waiting for the
// disk in the loop.
//
//     asio_send_file movie.mkv        (prints the port)
//     nc 127.0.0.1 PORT > copy.mkv
#include <csignal>
#include <iostream>

#include <boost/asio.hpp>

#include <sluice/file.h>
#include <sluice/transfer.h>

namespace asio = boost::asio;
using asio::ip::tcp;
using state = sluice::progress_state;

namespace {

// The twenty lines: the rest is a server.
asio::awaitable<sluice::result<void>> send_file(tcp::socket& to, sluice::file_region body,
                                                asio::thread_pool& disk) {
    sluice::transfer out(sluice::sink(to.native_handle(), sluice::sink_kind::tcp_socket));
    out.pieces().append(std::move(body));
    while (true) {
        auto moved = out.step(1 << 20);
        if (!moved) co_return sluice::failure(std::move(moved));
        if (moved->state == state::done) co_return sluice::result<void>();
        if (moved->state == state::source_truncated) {
            co_return sluice::failure(EIO, "send", out.truncated_file());
        } else if (moved->state == state::would_block) {
            co_await to.async_wait(tcp::socket::wait_write, asio::use_awaitable);
        } else if (moved->state == state::more) {  // the others' turn
            co_await asio::post(to.get_executor(), asio::use_awaitable);
        } else {  // cold: a thread that may wait reads it, and the loop goes on
            co_await asio::post(asio::bind_executor(disk, asio::use_awaitable));
            auto warmed = warm(*out.cold_region());
            co_await asio::post(to.get_executor(), asio::use_awaitable);
            if (!warmed) co_return warmed;
            out.warmed();
        }
    }
}

asio::awaitable<void> serve(tcp::socket peer, sluice::file_region body, asio::thread_pool& disk) {
    peer.native_non_blocking(true);
    auto sent = co_await send_file(peer, std::move(body), disk);
    if (!sent) std::cerr << "asio_send_file: " << sent.error().message() << "\n";
}

asio::awaitable<void> accept(tcp::acceptor& listener, sluice::file_region body,
                             asio::thread_pool& disk) {
    while (true) {
        auto peer = co_await listener.async_accept(asio::use_awaitable);
        asio::co_spawn(listener.get_executor(), serve(std::move(peer), body, disk), asio::detached);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: asio_send_file FILE\n";
        return 2;
    }
    auto source = sluice::file::open(argv[1]);
    auto size = source ? source->size() : sluice::failure(std::move(source));
    if (!size) {
        std::cerr << "asio_send_file: " << size.error().message() << "\n";
        return 1;
    }
    std::signal(SIGPIPE, SIG_IGN);  // sendfile(2) raises it when the peer has gone

    asio::io_context loop(1);
    asio::thread_pool disk(2);
    asio::signal_set stop(loop, SIGINT, SIGTERM);
    stop.async_wait([&](auto, int) { loop.stop(); });
    tcp::acceptor listener(loop, {asio::ip::address_v4::loopback(), 0});
    std::cout << listener.local_endpoint().port() << std::endl;
    asio::co_spawn(loop, accept(listener, source->region(0, *size), disk), asio::detached);
    loop.run();
}
