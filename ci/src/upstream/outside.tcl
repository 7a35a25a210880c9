# Appended to the copy of upstream's code that starts servers. An error in what is done with a server between its tests ends the
# driver there, in the middle of a file, with a message that names nothing. Here it gets a name, and ends its block only.
rename start_server start_server_of_upstream

proc start_server {options {code undefined}} {
    name_errors
    if {$code eq "undefined"} {
        return [uplevel 1 [list start_server_of_upstream $options]]
    }
    if {$::cur_test ne ""} {
        # A test that starts a server of its own.
        return [uplevel 1 [list start_server_of_upstream $options $code]]
    }
    uplevel 1 [list start_server_of_upstream $options [list outside_of_tests $code]]
}

proc outside_of_tests {code} {
    set end [catch {uplevel 1 $code} result details]
    if {$end == 1} {
        set told [lindex [split $result "\n"] 0]
        send_data_packet $::test_server_fd err "outside of tests: $told in $::curfile\n$::errorInfo"
        return
    }
    return -options $details $result
}

# What a test's own server meets is told without the test's name.
proc name_errors {} {
    if {[info commands send_data_packet_of_upstream] ne ""} return
    rename send_data_packet send_data_packet_of_upstream
    proc send_data_packet {fd status data {elapsed 0}} {
        if {$status eq "err" && $::cur_test ne "" && [string first $::cur_test $data] != 0} {
            set data "$::cur_test\n$data"
        }
        send_data_packet_of_upstream $fd $status $data $elapsed
    }
}
