// Directives that nginx 1.31 knows and lbproxy does not, by module, each group with its reason. What the registry has is not here.

/** Of one module, or of what belongs together. */
export interface Missing {
  readonly of: string;
  readonly why: string;
  /** They stand only in this block, which is missing as a whole: nobody looks them up, as they are everyday words. */
  readonly inside?: string;
  readonly names: string;
}

/** What may come. */
export const NOT_YET: readonly Missing[] = [
  { of: 'http_core', why: 'nginx does not document it', names: 'client_body_early_read post_action' },
  {
    of: 'http_browser',
    why: 'map $http_user_agent tells browsers apart',
    names: 'ancient_browser ancient_browser_value modern_browser modern_browser_value',
  },
  {
    of: 'http_dav',
    why: 'files are only read here',
    names: 'create_full_put_path dav_access dav_methods min_delete_depth',
  },
  {
    of: 'http_flv, http_mp4',
    why: 'videos are sent as files, with ranges',
    names: `
      flv mp4 mp4_buffer_size mp4_limit_rate mp4_limit_rate_after mp4_max_buffer_size mp4_start_key_frame`,
  },
  {
    of: 'http_grpc',
    why: 'gRPC needs HTTP/2 to the peer',
    names: `
      grpc_allow_upstream grpc_bind grpc_bind_dynamic grpc_buffer_size grpc_connect_timeout grpc_hide_header
      grpc_ignore_headers grpc_intercept_errors grpc_next_upstream grpc_next_upstream_timeout
      grpc_next_upstream_tries grpc_pass grpc_pass_header grpc_read_timeout grpc_request_dynamic
      grpc_send_timeout grpc_set_header grpc_socket_keepalive grpc_socket_rcvbuf grpc_socket_sndbuf
      grpc_ssl_certificate grpc_ssl_certificate_cache grpc_ssl_certificate_key grpc_ssl_ciphers
      grpc_ssl_conf_command grpc_ssl_crl grpc_ssl_key_log grpc_ssl_name grpc_ssl_password_file
      grpc_ssl_protocols grpc_ssl_server_name grpc_ssl_session_reuse grpc_ssl_trusted_certificate
      grpc_ssl_verify grpc_ssl_verify_depth`,
  },
  {
    of: 'http_memcached',
    why: 'memcached is not spoken',
    names: `
      memcached_allow_upstream memcached_bind memcached_bind_dynamic memcached_buffer_size
      memcached_connect_timeout memcached_gzip_flag memcached_next_upstream memcached_next_upstream_timeout
      memcached_next_upstream_tries memcached_pass memcached_read_timeout memcached_send_timeout
      memcached_socket_keepalive`,
  },
  { of: 'http_slice', why: 'ranges of a cached answer are not fetched in slices', names: 'slice' },
  {
    of: 'http_tunnel',
    why: 'CONNECT to hosts that the client names is refused',
    names: `
      tunnel_allow_upstream tunnel_bind tunnel_bind_dynamic tunnel_buffer_size tunnel_connect_timeout
      tunnel_next_upstream tunnel_next_upstream_timeout tunnel_next_upstream_tries tunnel_pass
      tunnel_read_timeout tunnel_send_lowat tunnel_send_timeout tunnel_socket_keepalive tunnel_socket_rcvbuf
      tunnel_socket_sndbuf`,
  },
  {
    of: 'http_v3',
    why: 'HTTP/3 is not spoken: QUIC in Node is an experiment',
    names: `
      http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size quic_active_connection_id_limit
      quic_bpf quic_gso quic_host_key quic_retry`,
  },
  { of: 'upstream_least_time', why: 'least_conn, hash, random and ip_hash are there', names: 'least_time' },
  { of: 'upstream_sticky', why: 'hash $cookie_name keeps clients with their server', names: 'sticky' },
  { of: 'stream', why: 'TCP and UDP are not passed on', names: 'stream' },
  {
    of: 'stream, inside of its block',
    why: 'it stands in stream, and TCP and UDP are not passed on',
    names: `
      pass preread_buffer_size preread_timeout proxy_download_rate proxy_downstream_buffer proxy_half_close
      proxy_protocol proxy_protocol_timeout proxy_requests proxy_responses proxy_session_drop proxy_ssl
      proxy_ssl_alpn proxy_timeout proxy_upload_rate proxy_upstream_buffer ssl_alpn ssl_handshake_timeout
      ssl_preread`,
  },
  {
    of: 'http_acme',
    why: 'certificates are not fetched; certbot and its like do it',
    names: 'acme_certificate acme_issuer acme_shared_zone',
  },
  {
    inside: 'acme_issuer',
    of: 'http_acme, inside of its block',
    why: 'as acme_issuer',
    names: `
      accept_terms_of_service account_key challenge common_name_in_csr contact external_account_key
      preferred_chain profile ssl_verify uri`,
  },
  { of: 'http_api (commercial)', why: 'it is of NGINX Plus; stub_status counts', names: 'api status_zone' },
  {
    of: 'http_auth_jwt, http_auth_require (commercial)',
    why: 'it is of NGINX Plus; auth_request asks a program',
    names: `
      auth_jwt auth_jwt_claim_set auth_jwt_header_set auth_jwt_key_cache auth_jwt_key_file
      auth_jwt_key_request auth_jwt_leeway auth_jwt_require auth_jwt_type auth_require`,
  },
  {
    of: 'http_oidc (commercial)',
    why: 'it is of NGINX Plus; auth_request asks a program',
    names: 'auth_oidc oidc_provider',
  },
  {
    inside: 'oidc_provider',
    of: 'http_oidc, inside of its block',
    why: 'as oidc_provider',
    names: `
      client_id client_secret config_url cookie_name extra_auth_args frontchannel_logout_uri issuer
      logout_token_hint logout_uri pkce post_logout_uri redirect_uri scope session_store session_timeout
      userinfo`,
  },
  {
    of: 'http_keyval, http_num_map, http_internal_redirect, stream_keyval, stream_num_map (commercial)',
    why: 'it is of NGINX Plus; map and rewrite are there',
    names: 'internal_redirect keyval keyval_zone num_map',
  },
  {
    of: 'http_session_log (commercial)',
    why: 'it is of NGINX Plus; access_log is there',
    names: 'error_log_tag session_log session_log_format session_log_zone',
  },
  {
    of: 'upstream_hc (commercial)',
    why: 'it is of NGINX Plus; max_fails and fail_timeout tell servers that fail',
    names: 'health_check health_check_timeout match',
  },
  {
    of: 'http_upstream, stream_upstream (commercial)',
    why: 'it is of NGINX Plus',
    names: 'ntlm queue state',
  },
  {
    of: 'purging caches (commercial)',
    why: 'it is of NGINX Plus',
    names: 'fastcgi_cache_purge proxy_cache_purge scgi_cache_purge uwsgi_cache_purge',
  },
  {
    of: 'others of NGINX Plus (commercial)',
    why: 'it is of NGINX Plus',
    names: `
      fastcgi_allow_upstream fastcgi_bind_dynamic fastcgi_request_dynamic proxy_allow_upstream
      proxy_bind_dynamic proxy_request_dynamic proxy_ssl_key_log scgi_allow_upstream scgi_bind_dynamic
      scgi_request_dynamic ssl_key_log stall_threshold uwsgi_allow_upstream uwsgi_bind_dynamic
      uwsgi_request_dynamic uwsgi_ssl_key_log`,
  },
];

/** What is not for a proxy of HTTP in Node, or that nginx itself gave up. */
export const NEVER: readonly Missing[] = [
  {
    of: 'core',
    why: 'modules of nginx are C libraries, which lbproxy cannot load; what is there is built in (nginx -V lists it)',
    names: 'load_module',
  },
  {
    of: 'events of other systems',
    why: 'Node chooses how events are waited for; on Linux nginx does not know it either',
    names: `
      acceptex_read devpoll_changes devpoll_events eventport_events iocp_threads kqueue_changes kqueue_events
      post_acceptex`,
  },
  {
    of: 'google_perftools',
    why: 'it profiles code in C; node --cpu-prof profiles lbproxy',
    names: 'google_perftools_profiles',
  },
  { of: 'http_degradation', why: 'it watches the heap of a program in C', names: 'degradation degrade' },
  {
    of: 'http_geoip, stream_geoip',
    why: 'databases of that kind (GeoIP Legacy) are no longer published; geo and map choose by address',
    names: 'geoip_city geoip_country geoip_org geoip_proxy geoip_proxy_recursive',
  },
  {
    of: 'http_image_filter',
    why: 'Node has no library for images',
    names: `
      image_filter image_filter_buffer image_filter_interlace image_filter_jpeg_quality image_filter_sharpen
      image_filter_transparency image_filter_webp_quality`,
  },
  {
    of: 'http_perl',
    why: 'Perl runs inside of nginx; a program behind proxy_pass does the same',
    names: 'perl perl_modules perl_require perl_set',
  },
  {
    of: 'http_xslt',
    why: 'Node has no XSLT',
    names: `
      xml_entities xml_external_entities xslt_last_modified xslt_param xslt_string_param xslt_stylesheet
      xslt_types`,
  },
  {
    of: 'http_js, stream_js (njs)',
    why: 'njs is a C library with an engine of its own; a program behind proxy_pass does the same',
    names: `
      js_access js_body_filter js_content js_context_reuse js_engine js_fetch_buffer_size js_fetch_ciphers
      js_fetch_keepalive js_fetch_keepalive_requests js_fetch_keepalive_time js_fetch_keepalive_timeout
      js_fetch_max_response_buffer_size js_fetch_protocols js_fetch_proxy js_fetch_timeout
      js_fetch_trusted_certificate js_fetch_verify js_fetch_verify_depth js_filter js_header_filter js_import
      js_include js_load_http_native_module js_load_stream_native_module js_path js_periodic js_preload_object
      js_preread js_set js_shared_dict_zone js_var`,
  },
  { of: 'mail', why: 'IMAP, POP3 and SMTP are not spoken; a mail proxy does that', names: 'mail' },
  {
    inside: 'mail',
    of: 'mail, inside of its block',
    why: 'as mail',
    names: `
      auth_http auth_http_header auth_http_pass_client_cert auth_http_timeout imap_auth imap_capabilities
      imap_client_buffer max_errors pop3_auth pop3_capabilities protocol proxy proxy_buffer
      proxy_pass_error_message proxy_smtp_auth smtp_auth smtp_capabilities smtp_client_buffer
      smtp_greeting_delay starttls timeout xclient`,
  },
  {
    of: 'withdrawn from nginx',
    why: 'nginx itself has withdrawn it',
    names: 'limit_zone status status_format upstream_conf',
  },
  { of: 'mgmt (commercial)', why: 'it is about the licence of NGINX Plus', names: 'mgmt' },
  {
    inside: 'mgmt',
    of: 'mgmt, inside of its block',
    why: 'as mgmt',
    names: 'enforce_initial_report license_token proxy_password proxy_username usage_report',
  },
  {
    of: 'http_f4f, http_hls (commercial)',
    why: 'it cuts videos for players that take HDS or HLS; a packager does that once, ahead of requests',
    names: `
      f4f f4f_buffer_size hls hls_buffers hls_forward_args hls_fragment hls_mp4_buffer_size
      hls_mp4_max_buffer_size`,
  },
  {
    of: 'stream_zone_sync (commercial)',
    why: 'acceptors of one lbproxy share their zones; machines do not',
    names: `
      zone_sync zone_sync_buffers zone_sync_connect_retry_interval zone_sync_connect_timeout
      zone_sync_interval zone_sync_recv_buffer_size zone_sync_server zone_sync_ssl zone_sync_ssl_certificate
      zone_sync_ssl_certificate_key zone_sync_ssl_ciphers zone_sync_ssl_conf_command zone_sync_ssl_crl
      zone_sync_ssl_name zone_sync_ssl_password_file zone_sync_ssl_protocols zone_sync_ssl_server_name
      zone_sync_ssl_trusted_certificate zone_sync_ssl_verify zone_sync_ssl_verify_depth zone_sync_timeout`,
  },
  {
    of: 'stream_mqtt (commercial)',
    why: 'it is for MQTT alone',
    names: 'mqtt mqtt_buffers mqtt_preread mqtt_rewrite_buffer_size mqtt_set_connect',
  },
];
