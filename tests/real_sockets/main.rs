//! Parity: a program cannot tell the simulated network from the machine's own.
//!
//! Every case is a program over a trait that both networks have. It is run with real sockets on
//! 127.0.0.1 and in the simulation, and must get the same results and errors in the same order.
#![cfg(target_os = "linux")]

mod account;
mod datagrams;
mod endings;
mod listening;
mod network;
mod transfer;

use account::Account;
use network::{Real, Simulated};

fn in_reality(case: impl AsyncFnOnce(&mut Account<Real>)) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let mut account = Account::new();
    runtime.unwrap().block_on(case(&mut account));
    account.into_lines()
}

fn in_simulation(case: impl AsyncFnOnce(&mut Account<Simulated>) + 'static) -> Vec<String> {
    simrun::run(async {
        let mut account = Account::new();
        case(&mut account).await;
        account.into_lines()
    })
}

fn check_parity(real: &[String], simulated: &[String]) {
    assert!(!real.is_empty(), "nothing was compared");
    let count = real.len().max(simulated.len());
    let line = |lines: &[String], place: usize| lines.get(place).cloned().unwrap_or_default();
    let mut text = String::new();
    for place in 0..count {
        let (real, simulated) = (line(real, place), line(simulated, place));
        if real == simulated {
            text += &format!("  both       {real}\n");
        } else {
            text += &format!("! real       {real}\n! simulated  {simulated}\n");
        }
    }
    assert!(real == simulated, "the networks differ:\n{text}");
}

/// Makes a test of each case.
macro_rules! parity {
    ($($module:ident: $($case:ident)*;)*) => {$(
        mod $module {
            $(
                #[test]
                fn $case() {
                    let real = super::super::in_reality(super::super::$module::$case);
                    let simulated = super::super::in_simulation(super::super::$module::$case);
                    super::super::check_parity(&real, &simulated);
                }
            )*
        }
    )*};
}

mod parity {
    parity! {
        transfer:
            an_echo_comes_back
            many_small_writes_are_one_run_of_bytes
            a_long_text_is_read_in_pieces
            nothing_is_written_and_nothing_read
            a_reader_that_does_not_read_stops_the_writer
            a_writer_goes_on_when_there_is_room
            much_more_than_both_ends_hold_arrives
            both_ends_write_much_at_once
            a_read_that_is_given_up_loses_nothing
            a_reader_that_waits_is_woken;
        endings:
            the_client_ends_first_and_still_reads
            the_server_ends_first_and_still_reads
            the_end_is_read_again_and_again
            an_end_can_be_shut_down_twice
            nothing_can_be_written_after_a_shut_down
            the_half_that_writes_is_dropped
            what_was_written_before_a_close_arrives
            whoever_writes_to_an_end_that_was_closed_hears_of_it
            a_read_does_not_hear_what_a_write_has_done
            unread_bytes_make_a_close_a_reset
            bytes_after_half_a_close_make_a_reset
            a_reset_is_read_once
            a_reset_is_written_to_once
            a_write_of_nothing_hears_of_a_reset
            what_arrived_before_a_reset_is_read
            a_write_fails_though_there_is_something_to_read
            a_reset_after_the_end_is_a_broken_pipe
            both_are_shut_down_after_a_reset
            a_reader_that_waits_hears_of_a_reset
            a_writer_that_waits_hears_of_a_reset
            a_writer_that_waits_hears_that_the_reader_closed
            both_end_at_the_same_time
            both_abort_at_the_same_time;
        listening:
            nobody_listens_and_the_client_is_refused
            a_listener_goes_and_its_connections_stay
            a_connection_that_nobody_accepted_is_reset
            a_client_that_does_not_wait_is_accepted
            a_client_that_aborts_is_accepted_and_reset
            nobody_comes
            connections_are_accepted_in_the_order_in_which_they_came
            one_listener_serves_two_clients_apart
            both_ends_agree_on_their_addresses
            an_address_can_be_listened_at_once
            a_port_with_connections_can_be_listened_at_again
            any_port_is_a_port_of_its_own
            any_address_is_every_address
            another_address_of_the_machine_is_not_listened_at
            both_protocols_have_ports_of_their_own;
        datagrams:
            a_datagram_is_answered
            a_connected_socket_hears_that_nobody_is_there
            a_socket_that_is_not_connected_hears_nothing
            what_does_not_fit_is_lost
            a_datagram_may_be_empty
            a_peek_leaves_it_where_it_is
            a_connected_socket_receives_from_one_only
            what_came_before_a_connect_is_kept
            an_address_can_be_bound_once
            a_socket_at_any_address_says_which_once_it_is_connected
            datagrams_come_in_order_and_apart
            the_longest_datagram_arrives_and_none_is_longer;
    }
}
